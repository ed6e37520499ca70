-- cart_delete: deletes a cart, with its hold.
-- KEYS: cart
-- ARGV: id caller token at lifetime_ms max_carts cart_prefix user_prefix product_prefix holds_prefix
-- Uses: holds cart_access cart_changes
-- Replies:
--   DELETED
--   NOT_FOUND, not recorded
local fields = cart_fields(cart)
if not fields then
  return reply('NOT_FOUND')
end
drop_cart_hold(id, fields)
redis.call('UNLINK', cart)
if fields.owner ~= '' then
  redis.call('ZREM', user_prefix .. fields.owner .. ':carts', id)
end
emit('cart.deleted', id, {is_purchased = fields.purchase ~= nil})
return answer('DELETED')
