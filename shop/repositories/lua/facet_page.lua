-- facet_page: up to `wanted` names from `bound` on (ascending) or down (descending), each with how many products it has.
-- KEYS: names
-- ARGV: bound descending wanted set_prefix
local found
if descending == '1' then
  found = redis.call('ZRANGE', names, bound, '-', 'BYLEX', 'REV', 'LIMIT', 0, wanted)
else
  found = redis.call('ZRANGE', names, bound, '+', 'BYLEX', 'LIMIT', 0, wanted)
end
local page = {}
for place, name in ipairs(found) do
  page[place] = {name, redis.call('SCARD', set_prefix .. name)}
end
return page
