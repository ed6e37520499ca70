-- purchase_page: a page of the purchases of an index, as lists of fields and values.
-- KEYS: index
-- ARGV: bound descending wanted purchase_prefix user_prefix
-- Uses: index_page purchase_fields
local page = {}
-- Bound: `wanted`, one more than the largest page: 101.
for place, id in ipairs(index_page(index)) do
  page[place] = purchase_fields(purchase_prefix .. id)
end
return page
