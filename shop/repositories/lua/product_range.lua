-- product_range: up to max_results products between two bounds of an ordered index, each as one text. The index is
-- the catalogue's, or that of a category, a company or both: the common pages, which cost the same however many products
-- there are.
-- KEYS: index product_ids
-- ARGV: low_key high_key descending max_results product_prefix fields
-- Uses: product_records
local from, to, limit = '(' .. low_key, high_key == '' and '+' or '(' .. high_key, tonumber(max_results)
if descending == '1' then
  return product_records(redis.call('ZRANGE', index, to, from, 'BYLEX', 'REV', 'LIMIT', 0, limit), limit)
end
return product_records(redis.call('ZRANGE', index, from, to, 'BYLEX', 'LIMIT', 0, limit), limit)
