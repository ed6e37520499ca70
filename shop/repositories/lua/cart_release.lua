-- cart_release: ends the hold of a cart.
-- KEYS: cart
-- ARGV: id caller token at product_prefix holds_prefix
-- Uses: holds cart_access
-- Replies:
--   CART cart...               the cart's fields and values
--   NOT_FOUND, not recorded
local fields = cart_fields()
if not fields then
  return reply('NOT_FOUND')
end
if fields.hold then
  drop_cart_hold(fields, id)
  redis.call('HSET', cart, 'updated_at', at)
  redis.call('HINCRBY', cart, 'version', 1)
end
return answer('CART', unpack(redis.call('HGETALL', cart)))
