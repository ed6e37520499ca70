-- product_orders: where a product stands in each order. `orders` lists for each its index, the hash of sort keys by
-- number, the column of ranks and the set of zones, and the product's sort key, rank and zone. A column holds eight
-- bytes per number: a rank is as much of the sort key as a number can say, for sifting many products without looking at
-- their keys. A zone is a stretch of the order, and a string of bits, one for every number, beside the set of zones.
local function place(number, orders)
  for _, order in ipairs(cjson.decode(orders)) do
    local index, sort_keys, column, zones, sort_key, rank, zone = unpack(order)
    redis.call('ZADD', index, 0, sort_key .. '\0' .. number)
    redis.call('HSET', sort_keys, number, sort_key .. '\0' .. number)
    redis.call('SETRANGE', column, 8 * (number - FIRST), struct.pack('>d', rank))
    redis.call('ZADD', zones, 0, zone)
    redis.call('SETBIT', zones .. ':' .. zone, number - FIRST, 1)
  end
end

local function displace(number, orders)
  for _, order in ipairs(cjson.decode(orders)) do
    local index, sort_keys, _, zones, sort_key, _, zone = unpack(order)
    redis.call('ZREM', index, sort_key .. '\0' .. number)
    redis.call('HDEL', sort_keys, number)
    redis.call('SETBIT', zones .. ':' .. zone, number - FIRST, 0)
    if redis.call('BITCOUNT', zones .. ':' .. zone) == 0 then
      redis.call('DEL', zones .. ':' .. zone)
      redis.call('ZREM', zones, zone)
    end
  end
end
