-- purchase_page: up to `wanted` purchases of an index from `bound` on (ascending) or down (descending), as lists of
-- fields and values.
-- KEYS: index
-- ARGV: bound descending wanted purchase_prefix
local ids
if descending == '1' then
  ids = redis.call('ZRANGE', index, bound, '-', 'BYLEX', 'REV', 'LIMIT', 0, wanted)
else
  ids = redis.call('ZRANGE', index, bound, '+', 'BYLEX', 'LIMIT', 0, wanted)
end
local page = {}
for place, id in ipairs(ids) do
  page[place] = redis.call('HGETALL', purchase_prefix .. id)
end
return page
