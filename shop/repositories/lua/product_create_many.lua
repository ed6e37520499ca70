-- product_create_many: adds products to the catalogue, each as product_create does, with one command for each index that
-- several of them share. Products whose SKU another one has are left out.
-- KEYS: skus product_sequence product_ids in_stock sold_out categories companies
-- ARGV: product_prefix products sets price_bitmaps orders
-- Uses: index_sets product_zones product_batch_sets product_batch_orders
-- Replies:
--   CREATED refused            the ids of the products that were left out, as JSON
local created, numbers, refused = {}, {}, {}
-- What one command adds each: pairs of number and id, and numbers by stock.
local pairs_of_ids, in_stock_numbers, sold_out_numbers = {}, {}, {}

local function add_name(names, name)
  if name ~= '' then
    redis.call('ZADD', names, 0, name)
  end
end

local function add_record(id, sku, stock, category, company, fields)
  if redis.call('HSETNX', skus, sku, id) == 0 then
    refused[#refused + 1] = id
    return nil
  end
  local number = string.format('%.0f', NUMBER_BASE + redis.call('INCR', product_sequence))
  redis.call('HSET', product_prefix .. id, 'number', number, 'opening', stock, 'adjusted', '0', unpack(fields))
  pairs_of_ids[#pairs_of_ids + 1], pairs_of_ids[#pairs_of_ids + 2] = number, id
  local stocked = stock == '0' and sold_out_numbers or in_stock_numbers
  stocked[#stocked + 1] = number
  add_name(categories, category)
  add_name(companies, company)
  emit('product.created', id, {sku = sku, stock = tonumber(stock), version = 1})
  return number
end

-- Bound: the products of a call, at most 50.
for place, product in ipairs(cjson.decode(products)) do
  local number = add_record(unpack(product))
  -- No gap: unpack and ipairs end at nil.
  numbers[place] = number or false
  created[#created + 1] = number
end
if #created == 0 then
  return answer('CREATED', cjson.encode(refused))
end
redis.call('HSET', product_ids, unpack(pairs_of_ids))
add_all_to_set(in_stock, in_stock_numbers)
add_all_to_set(sold_out, sold_out_numbers)
-- Bound: the sets of 50 products; of one at most as many as product_create says.
for set, places in pairs(cjson.decode(sets)) do
  add_all_to_set(set, numbers_at(numbers, places))
end
-- Bound: the limits of prices, 50 from below and as many from above.
for bitmap, places in pairs(cjson.decode(price_bitmaps)) do
  local found = numbers_at(numbers, places)
  if #found > 0 then
    set_close_bits(bitmap, found)
  end
end
-- Bound: the three orders.
for _, order in ipairs(cjson.decode(orders)) do
  local column = add_order(order, numbers)
  if order.zones == '' then
    add_blocks(order, numbers, column, created[1])
  end
end
return answer('CREATED', cjson.encode(refused))
