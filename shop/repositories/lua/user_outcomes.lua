-- user_outcomes: a page of the recorded outcomes that hold data of a user, the first to expire first: of each its record,
-- the expiry in seconds, and the request; no request where it has just expired.
-- KEYS: outcomes
-- ARGV: after_expiry after_record wanted
local first = after_record ~= '' and redis.call('ZRANK', outcomes, after_record)
if first then
  first = first + 1
else
  -- Those of one expiry go together: the one that the former page ended with is gone, and so are they.
  first = redis.call('ZCOUNT', outcomes, '-inf', after_expiry)
end
local found, page = redis.call('ZRANGE', outcomes, first, first + wanted - 1, 'WITHSCORES'), {}
-- Bound: `wanted`, one more than a page of outcomes: 21.
for place = 1, #found, 2 do
  local text = redis.call('GET', found[place])
  page[#page + 1] = {found[place], found[place + 1], text and cjson.decode(text).by or ''}
end
return page
