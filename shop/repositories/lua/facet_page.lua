-- facet_page: a page of the names of categories or companies, each with how many products it has.
-- KEYS: names
-- ARGV: bound descending wanted set_prefix
-- Uses: index_page
local page = {}
-- Bound: `wanted`, one more than the largest page: 101.
for place, name in ipairs(index_page(names)) do
  page[place] = {name, redis.call('SCARD', set_prefix .. name)}
end
return page
