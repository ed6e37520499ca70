-- product_create: puts a product into the catalogue, under a SKU that no other has. A number, counted up, stands for it
-- in the index sets: sets of integers are small and fast to intersect.
-- KEYS: product skus product_sequence product_ids in_stock sold_out categories companies
-- ARGV: id sku stock category company fields sets marks orders
-- Uses: index_sets product_orders
-- Replies:
--   CREATED product...         the product's fields and values
--   SKU_TAKEN
if redis.call('HSETNX', skus, sku, id) == 0 then
  return answer('SKU_TAKEN')
end
local number = string.format('%.0f', FIRST + redis.call('INCR', product_sequence))
redis.call('HSET', product, 'number', number, 'opening', stock, 'adjusted', '0', unpack(cjson.decode(fields)))
redis.call('HSET', product_ids, number, id)
join(stock == '0' and sold_out or in_stock, number)
for _, set in ipairs(cjson.decode(sets)) do
  join(set, number)
end
put_bits(marks, number, 1)
place(number, orders)
if category ~= '' then
  redis.call('ZADD', categories, 0, category)
end
if company ~= '' then
  redis.call('ZADD', companies, 0, company)
end
return answer('CREATED', unpack(redis.call('HGETALL', product)))
