-- product_batch_orders: adds products that are created in one script to the indexes of one order. Their numbers follow
-- each other, so their sort prefixes are one piece of the column.
-- Needs: NUMBER_BASE widen_zone numbers_at set_close_bits
-- Gives: add_order add_blocks
local function add_order(order, numbers)
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
  -- Bound: of the catalogue, and three for the category and the company of each product.
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

local function add_blocks(order, numbers, column, first)
  redis.call('SETRANGE', order.sort_prefixes, 8 * (first - NUMBER_BASE), table.concat(column))
  -- Bound: the products of a call.
  for block, bitmap_and_places in pairs(order.block_bitmaps) do
    local found = numbers_at(numbers, bitmap_and_places[2])
    if #found > 0 then
      redis.call('ZADD', order.blocks, 0, block)
      set_close_bits(bitmap_and_places[1], found)
    end
  end
end
