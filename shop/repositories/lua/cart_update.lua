-- cart_update: sets the email, the address and the shipping method of a cart.
-- KEYS: cart shipping_method
-- ARGV: id caller token changes method_code at lifetime_ms empty_lifetime_ms max_carts max_guest_carts guest_carts cart_prefix user_prefix product_prefix holds_prefix
-- Uses: clock holds cart_access cart_changes
-- Replies:
--   CHANGED_CART version
--   UNKNOWN_SHIPPING_METHOD
--   PURCHASED purchase
--   NOT_FOUND, not recorded
local fields = cart_fields(cart)
if not fields then
  return reply('NOT_FOUND')
end
if fields.purchase then
  return refuse('PURCHASED', fields.purchase)
end
if method_code ~= '' then
  local price, currency, is_active = unpack(redis.call('HMGET', shipping_method, 'price', 'currency', 'is_active'))
  if is_active ~= '1' or currency ~= fields.currency then
    return refuse('UNKNOWN_SHIPPING_METHOD')
  end
  redis.call('HSET', cart, 'shipping_price', price)
end
local flat, names = cjson.decode(changes), {}
-- Bound: the fields that a client may change, and what stands for the guest: four.
for place = 1, #flat, 2 do
  redis.call('HSET', cart, flat[place], flat[place + 1])
  if flat[place] ~= 'customer' then
    names[#names + 1] = flat[place]
  end
end
local version = changed_cart(id, fields)
-- What they are now is personal data, and no part of an event.
emit('cart.updated', id, {fields = table.concat(names, ' ')})
return answer('CHANGED_CART', version)
