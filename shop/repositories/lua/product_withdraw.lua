-- product_withdraw: removes a product from the catalogue. Its record and stock stay, for purchases that are cancelled
-- later.
-- KEYS: product skus product_ids in_stock sold_out categories companies
-- ARGV: base if_match sets price_bitmaps entries category_prefix company_prefix
-- Uses: precondition version_check index_sets product_zones product_index_entries
-- Replies:
--   WITHDRAWN
--   PRECONDITION_FAILED version
--   CHANGED, not recorded      another version came between; look again
--   NOT_FOUND, not recorded
local present = redis.call('HMGET', product, 'version', 'withdrawn', 'number', 'category', 'company', 'sku')
local version, withdrawn, number, category, company, sku = unpack(present)
if not version or withdrawn then
  return reply('NOT_FOUND')
end
local refusal = failed_precondition(version) or changed_meanwhile(version)
if refusal then
  return refusal
end
redis.call('HSET', product, 'withdrawn', '1')
redis.call('HDEL', skus, sku)
redis.call('HDEL', product_ids, number)
remove_from_set(in_stock, number)
remove_from_set(sold_out, number)
-- Bound: the sets of a product, see product_create.
for _, set in ipairs(cjson.decode(sets)) do
  remove_from_set(set, number)
end
set_bits(cjson.decode(price_bitmaps), number, 0)
remove_index_entries(number, cjson.decode(entries))
if redis.call('EXISTS', category_prefix .. category) == 0 then
  redis.call('ZREM', categories, category)
end
if redis.call('EXISTS', company_prefix .. company) == 0 then
  redis.call('ZREM', companies, company)
end
emit('product.withdrawn', id_of(product), {sku = sku})
return answer('WITHDRAWN')
