-- product_create_many: adds products to the catalogue, each as product_create does, with one command for each index that
-- several of them share. Products whose SKU another one has are left out.
-- KEYS: skus product_sequence product_ids in_stock sold_out categories companies
-- ARGV: product_prefix products sets price_bitmaps orders
-- Uses: index_sets product_zones
-- Replies:
--   CREATED refused            the ids of the products that were left out, as JSON
local MAX_NEW_BITMAPS_OF_MANY = 8
local created, numbers, refused, new_bitmaps_of_many = {}, {}, {}, 0
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
  return number
end

-- Returns the numbers of those of the places whose products were created, in ascending order.
local function numbers_at(places)
  local found = {}
  -- Bound: the products of a call, at most 50.
  for _, place in ipairs(places) do
    found[#found + 1] = numbers[place] or nil
  end
  return found
end

-- Sets the bits of numbers of one call, which are close to each other: a few bytes.
local function set_close_bits(bitmap, found)
  local low = math.floor((found[1] - NUMBER_BASE) / 8)
  local high = math.floor((found[#found] - NUMBER_BASE) / 8)
  local bytes = {string.byte(redis.call('GETRANGE', bitmap, low, high), 1, -1)}
  -- Bound: the bytes of 50 numbers in a row, at most 8.
  for place = #bytes + 1, high - low + 1 do
    bytes[place] = 0
  end
  -- Bound: the products of a call.
  for _, number in ipairs(found) do
    local offset = number - NUMBER_BASE
    local place = math.floor(offset / 8) - low + 1
    bytes[place] = bit.bor(bytes[place], bit.lshift(1, 7 - offset % 8))
  end
  redis.call('SETRANGE', bitmap, low, string.char(unpack(bytes)))
end

-- As add_to_set. A set that waits for its bitmap gets it with the next products.
local function add_all_to_set(set, found)
  if #found == 0 then
    return
  end
  redis.call('SADD', set, unpack(found))
  local bitmap = set .. BITMAP_SUFFIX
  if redis.call('EXISTS', bitmap) == 1 then
    set_close_bits(bitmap, found)
  elseif new_bitmaps_of_many < MAX_NEW_BITMAPS_OF_MANY and redis.call('SCARD', set) > BITMAP_THRESHOLD then
    new_bitmaps_of_many = new_bitmaps_of_many + 1
    -- Bound: BITMAP_THRESHOLD, and the products since the set passed it, as in index_sets.
    for _, member in ipairs(redis.call('SMEMBERS', set)) do
      redis.call('SETBIT', bitmap, member - NUMBER_BASE, 1)
    end
  end
end

local function add_order(order)
  local members, flat, column = {}, {}, {}
  -- Bound: the products of a call.
  for place, value in ipairs(order.values) do
    local number = numbers[place]
    if number then
      members[place] = value[1] .. '\0' .. number
      flat[#flat + 1], flat[#flat + 2] = number, members[place]
      column[#column + 1] = struct.pack('>d', value[2])
      if order.zones ~= '' then
        widen_zone(order.zones, number - NUMBER_BASE, value[2])
      end
    end
  end
  redis.call('HSET', order.sort_keys, unpack(flat))
  -- Bound: of the catalogue, and one for the category and the company of each product.
  for index, places in pairs(order.indexes) do
    local scored = {}
    -- Bound: the products of a call.
    for _, place in ipairs(places) do
      if members[place] then
        scored[#scored + 1], scored[#scored + 2] = 0, members[place]
      end
    end
    if #scored > 0 then
      redis.call('ZADD', index, unpack(scored))
    end
  end
  return column
end

local function add_blocks(order, column)
  redis.call('SETRANGE', order.sort_prefixes, 8 * (created[1] - NUMBER_BASE), table.concat(column))
  -- Bound: the products of a call.
  for block, bitmap_and_places in pairs(order.block_bitmaps) do
    local found = numbers_at(bitmap_and_places[2])
    if #found > 0 then
      redis.call('ZADD', order.blocks, 0, block)
      set_close_bits(bitmap_and_places[1], found)
    end
  end
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
  add_all_to_set(set, numbers_at(places))
end
-- Bound: the limits of prices, 50 from below and as many from above.
for bitmap, places in pairs(cjson.decode(price_bitmaps)) do
  local found = numbers_at(places)
  if #found > 0 then
    set_close_bits(bitmap, found)
  end
end
-- Bound: the three orders.
for _, order in ipairs(cjson.decode(orders)) do
  local column = add_order(order)
  if order.zones == '' then
    add_blocks(order, column)
  end
end
return answer('CREATED', cjson.encode(refused))
