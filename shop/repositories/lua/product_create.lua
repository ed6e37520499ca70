-- product_create: adds a product to the catalogue, under a SKU that no other product has. A number, counted up, stands
-- for it in the indexes: sets of integers are small and fast to intersect.
-- KEYS: product skus product_sequence product_ids in_stock sold_out categories companies
-- ARGV: id sku stock category company fields sets price_bitmaps entries
-- Uses: index_sets product_zones product_index_entries
-- Replies:
--   CREATED product...         the product's fields and values
--   SKU_TAKEN
if redis.call('HSETNX', skus, sku, id) == 0 then
  return refuse('SKU_TAKEN')
end
local number = string.format('%.0f', NUMBER_BASE + redis.call('INCR', product_sequence))
redis.call('HSET', product, 'number', number, 'opening', stock, 'adjusted', '0', unpack(cjson.decode(fields)))
redis.call('HSET', product_ids, number, id)
add_to_set(stock == '0' and sold_out or in_stock, number)
-- Bound: one set for each folded character of name, company, category and SKU at most, and three others.
for _, set in ipairs(cjson.decode(sets)) do
  add_to_set(set, number)
end
set_bits(cjson.decode(price_bitmaps), number, 1)
add_index_entries(number, cjson.decode(entries))
if category ~= '' then
  redis.call('ZADD', categories, 0, category)
end
if company ~= '' then
  redis.call('ZADD', companies, 0, company)
end
emit('product.created', id, {sku = sku, stock = tonumber(stock), version = 1})
return answer('CREATED', unpack(redis.call('HGETALL', product)))
