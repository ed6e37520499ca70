-- shipping_method_page: a page of the shipping methods in the order of their codes, as lists of fields and values.
-- KEYS: shipping_methods
-- ARGV: bound descending wanted shipping_method_prefix
-- Uses: index_page
local page = {}
-- Bound: the shipping methods of a shop, at most 100.
for place, code in ipairs(index_page(shipping_methods)) do
  page[place] = redis.call('HGETALL', shipping_method_prefix .. code)
end
return page
