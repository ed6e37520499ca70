-- transfer_page: a page of transfers in the order of their ids, as lists of fields and values. A record that has expired
-- is an empty list behind its id.
-- KEYS: transfers
-- ARGV: bound descending wanted transfer_prefix
-- Uses: index_page
local page = {}
-- Bound: `wanted`, one more than the largest page.
for place, id in ipairs(index_page(transfers)) do
  page[place] = {id, redis.call('HGETALL', transfer_prefix .. id)}
end
return page
