-- purchase_page: a page of the purchases of an index, as lists of fields and values.
-- KEYS: index
-- ARGV: bound descending wanted purchase_prefix
-- Uses: index_page
local page = {}
for place, id in ipairs(index_page(index)) do
  page[place] = redis.call('HGETALL', purchase_prefix .. id)
end
return page
