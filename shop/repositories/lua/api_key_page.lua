-- api_key_page: a page of the API keys in the order of their ids, as lists of fields and values.
-- KEYS: api_keys
-- ARGV: bound descending wanted api_key_prefix
-- Uses: index_page
local page = {}
-- Bound: `wanted`, one more than the largest page.
for place, id in ipairs(index_page(api_keys)) do
  page[place] = redis.call('HGETALL', api_key_prefix .. id)
end
return page
