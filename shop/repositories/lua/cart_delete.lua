-- cart_delete: takes a cart away, with its hold.
-- KEYS: cart owner_carts
-- ARGV: id caller token product_prefix holds_prefix
-- Uses: holds cart_access
-- Replies:
--   DELETED
--   NOT_FOUND, not recorded
local fields = cart_fields()
if not fields then
  return reply('NOT_FOUND')
end
drop_cart_hold(fields, id)
redis.call('UNLINK', cart)
redis.call('ZREM', owner_carts, id)
return answer('DELETED')
