-- cart_create: makes a cart, of a user or of a guest who has its token. A user's cart that was changed longest ago makes
-- room for a new one.
-- KEYS: cart owner_carts
-- ARGV: id owner fields ttl_ms max_carts cart_prefix
-- Replies:
--   CREATED
redis.call('HSET', cart, unpack(cjson.decode(fields)))
redis.call('PEXPIRE', cart, ttl_ms)
if owner ~= '' then
  local time = redis.call('TIME')
  redis.call('ZADD', owner_carts, time[1] * 1000 + math.floor(time[2] / 1000), id)
  redis.call('PEXPIRE', owner_carts, ttl_ms)
  -- Each cart that is made makes one too many at most. A hold of the oldest ends by itself.
  if redis.call('ZCARD', owner_carts) > tonumber(max_carts) then
    redis.call('UNLINK', cart_prefix .. redis.call('ZPOPMIN', owner_carts)[1])
  end
end
return answer('CREATED')
