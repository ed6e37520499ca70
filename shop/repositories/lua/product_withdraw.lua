-- product_withdraw: takes a product out of the catalogue. It keeps its stock, for purchases that are cancelled later.
-- KEYS: product skus product_ids in_stock sold_out categories companies
-- ARGV: base if_match leaves orders category_prefix company_prefix
-- Replies:
--   WITHDRAWN
--   PRECONDITION_FAILED version
--   CHANGED, not recorded      another version came between; look again
--   NOT_FOUND, not recorded
local now = redis.call('HMGET', product, 'version', 'withdrawn', 'number', 'category', 'company', 'sku')
local version, withdrawn, number, category, company, sku = unpack(now)
if not version or withdrawn then
  return reply('NOT_FOUND')
end
if if_match ~= '' and if_match ~= version then
  return answer('PRECONDITION_FAILED', version)
end
if version ~= base then
  return reply('CHANGED')
end
redis.call('HSET', product, 'withdrawn', '1')
redis.call('HDEL', skus, sku)
redis.call('HDEL', product_ids, number)
redis.call('SREM', in_stock, number)
redis.call('SREM', sold_out, number)
for _, set in ipairs(cjson.decode(leaves)) do
  redis.call('SREM', set, number)
end
for _, order in ipairs(cjson.decode(orders)) do
  local index, sort_keys = order[1], order[2]
  redis.call('ZREM', index, redis.call('HGET', sort_keys, number))
  redis.call('HDEL', sort_keys, number)
end
if redis.call('EXISTS', category_prefix .. category) == 0 then
  redis.call('ZREM', categories, category)
end
if redis.call('EXISTS', company_prefix .. company) == 0 then
  redis.call('ZREM', companies, company)
end
return answer('WITHDRAWN')
