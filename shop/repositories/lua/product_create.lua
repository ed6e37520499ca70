-- product_create: puts a product into the catalogue, under a SKU that no other has. A number, counted up, stands for it
-- in the index sets: sets of integers are small and fast to intersect.
-- KEYS: product skus product_sequence product_ids in_stock sold_out categories companies
-- ARGV: id sku stock category company fields sets orders
-- Replies:
--   CREATED product...         the product's fields and values
--   SKU_TAKEN
if redis.call('HSETNX', skus, sku, id) == 0 then
  return answer('SKU_TAKEN')
end
local number = string.format('%.0f', redis.call('INCR', product_sequence))
redis.call('HSET', product, 'number', number, 'opening', stock, 'adjusted', '0', unpack(cjson.decode(fields)))
redis.call('HSET', product_ids, number, id)
redis.call('SADD', stock == '0' and sold_out or in_stock, number)
for _, set in ipairs(cjson.decode(sets)) do
  redis.call('SADD', set, number)
end
for _, order in ipairs(cjson.decode(orders)) do
  local index, sort_keys, sort_key = order[1], order[2], order[3]
  local member = sort_key .. '\0' .. string.format('%010d', number)
  redis.call('ZADD', index, 0, member)
  redis.call('HSET', sort_keys, number, member)
end
if category ~= '' then
  redis.call('ZADD', categories, 0, category)
end
if company ~= '' then
  redis.call('ZADD', companies, 0, company)
end
return answer('CREATED', unpack(redis.call('HGETALL', product)))
