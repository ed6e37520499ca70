-- cart_release: ends the hold of a cart.
-- KEYS: cart
-- ARGV: id caller token at product_prefix holds_prefix
-- Uses: holds cart_access
-- Replies:
--   CART version
--   NOT_FOUND, not recorded
local fields = cart_fields()
if not fields then
  return reply('NOT_FOUND')
end
if fields.hold then
  drop_cart_hold(fields, id)
end
return answer('CART', changed_cart(at))
