-- cart_delete: deletes a cart, with its hold.
-- KEYS: cart
-- ARGV: id caller token at lifetime_ms empty_lifetime_ms max_carts max_guest_carts guest_carts cart_prefix user_prefix product_prefix holds_prefix
-- Uses: clock holds cart_access cart_changes
-- Replies:
--   DELETED
--   NOT_FOUND, not recorded
local fields = cart_fields(cart)
if not fields then
  return reply('NOT_FOUND')
end
drop_cart_hold(id, fields)
redis.call('UNLINK', cart)
redis.call('ZREM', fields.owner ~= '' and user_prefix .. fields.owner .. ':carts' or guest_carts, id)
emit('cart.deleted', id, {is_purchased = fields.purchase ~= nil})
return answer('DELETED')
