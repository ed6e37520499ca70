-- cart_release: ends the hold of a cart.
-- KEYS: cart
-- ARGV: id caller token at lifetime_ms empty_lifetime_ms max_carts max_guest_carts guest_carts cart_prefix user_prefix product_prefix holds_prefix
-- Uses: clock holds cart_access cart_changes
-- Replies:
--   CHANGED_CART version
--   NOT_FOUND, not recorded
local fields = cart_fields(cart)
if not fields then
  return reply('NOT_FOUND')
end
if not fields.hold then
  return answer('CHANGED_CART', fields.version)
end
drop_cart_hold(id, fields)
local version = changed_cart(id, fields)
emit('cart.released', id, {version = tonumber(version)})
return answer('CHANGED_CART', version)
