-- cart_create: makes a cart, of a user or of a guest who has its token. A user's cart that was changed longest ago makes
-- room for a new one.
-- KEYS: cart owner_carts
-- ARGV: id owner fields ttl_ms max_carts cart_prefix
-- Replies:
--   CREATED cart...            the cart's fields and values
redis.call('HSET', cart, unpack(cjson.decode(fields)))
redis.call('PEXPIRE', cart, ttl_ms)
if owner ~= '' then
  local time = redis.call('TIME')
  redis.call('ZADD', owner_carts, time[1] * 1000 + math.floor(time[2] / 1000), id)
  redis.call('PEXPIRE', owner_carts, ttl_ms)
  local surplus = redis.call('ZCARD', owner_carts) - max_carts
  if surplus > 0 then
    -- Bound: one, for each cart that is made.
    for _, oldest in ipairs(redis.call('ZPOPMIN', owner_carts)) do
      redis.call('UNLINK', cart_prefix .. oldest)
    end
  end
end
return answer('CREATED', unpack(redis.call('HGETALL', cart)))
