-- cart_set_line: puts so many units of a product into a cart, at its present price; none takes the line out. A hold of
-- the cart ends: it was of other lines.
-- KEYS: cart product
-- ARGV: id caller token product_id quantity max_lines at lifetime_ms empty_lifetime_ms max_carts max_guest_carts guest_carts cart_prefix user_prefix product_prefix holds_prefix
-- Uses: clock holds cart_access cart_changes
-- Replies:
--   CHANGED_CART version
--   UNKNOWN_PRODUCT
--   CURRENCY_MISMATCH currency    the currency of the cart
--   TOO_MANY_LINES
--   PURCHASED purchase         it has been bought
--   NOT_FOUND, not recorded
local fields = cart_fields(cart)
if not fields then
  return reply('NOT_FOUND')
end
if fields.purchase then
  return refuse('PURCHASED', fields.purchase)
end
local name = LINE .. product_id
if quantity == '0' then
  redis.call('HDEL', cart, name)
  fields[name] = nil
else
  local price, currency, withdrawn = unpack(redis.call('HMGET', product, 'price', 'currency', 'withdrawn'), 1, 3)
  if not price or withdrawn then
    return refuse('UNKNOWN_PRODUCT')
  end
  if currency ~= fields.currency then
    return refuse('CURRENCY_MISMATCH', fields.currency)
  end
  if not fields[name] and #cart_lines(fields) >= tonumber(max_lines) then
    return refuse('TOO_MANY_LINES')
  end
  fields[name] = quantity .. ' ' .. price
  redis.call('HSET', cart, name, fields[name])
end
drop_cart_hold(id, fields)
local version = changed_cart(id, fields)
emit('cart.updated', id, {product = product_id, quantity = tonumber(quantity)})
return answer('CHANGED_CART', version)
