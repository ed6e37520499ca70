-- product_withdraw: takes a product out of the catalogue. It keeps its stock, for purchases that are cancelled later.
-- KEYS: product skus product_ids in_stock sold_out categories companies
-- ARGV: base if_match leaves unmarks orders category_prefix company_prefix
-- Uses: precondition version_check index_sets product_orders
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
leave(in_stock, number)
leave(sold_out, number)
for _, set in ipairs(cjson.decode(leaves)) do
  leave(set, number)
end
put_bits(unmarks, number, 0)
displace(number, orders)
if redis.call('EXISTS', category_prefix .. category) == 0 then
  redis.call('ZREM', categories, category)
end
if redis.call('EXISTS', company_prefix .. company) == 0 then
  redis.call('ZREM', companies, company)
end
return answer('WITHDRAWN')
