-- endpoint_page: a page of the webhook endpoints in the order of their ids, as lists of fields and values.
-- KEYS: endpoints
-- ARGV: bound descending wanted endpoint_prefix
-- Uses: index_page
local page = {}
-- Bound: `wanted`, one more than the largest page.
for place, id in ipairs(index_page(endpoints)) do
  page[place] = redis.call('HGETALL', endpoint_prefix .. id)
end
return page
