-- product_orders: where a product stands in each order. `orders` lists for each its index, the hash of sort keys by
-- number, the column of ranks, the product's sort key and its rank. A column holds eight bytes per number: a rank is as
-- much of the sort key as a number can say, for sifting many products without looking at their keys.
local function place(number, orders)
  for _, order in ipairs(cjson.decode(orders)) do
    local index, sort_keys, column, sort_key, rank = unpack(order)
    local member, old = sort_key .. '\0' .. number, redis.call('HGET', sort_keys, number)
    if old ~= member then
      if old then
        redis.call('ZREM', index, old)
      end
      redis.call('ZADD', index, 0, member)
      redis.call('HSET', sort_keys, number, member)
      redis.call('SETRANGE', column, 8 * (number - FIRST), struct.pack('>d', rank))
    end
  end
end

local function displace(number, orders)
  for _, order in ipairs(cjson.decode(orders)) do
    local index, sort_keys = order[1], order[2]
    redis.call('ZREM', index, redis.call('HGET', sort_keys, number))
    redis.call('HDEL', sort_keys, number)
  end
end
