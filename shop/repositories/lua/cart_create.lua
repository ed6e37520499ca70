-- cart_create: makes a cart, of a user or of a guest who has its token.
-- KEYS: cart
-- ARGV: id owner fields sealed_token at lifetime_ms empty_lifetime_ms max_carts max_guest_carts guest_carts cart_prefix user_prefix product_prefix holds_prefix
-- Uses: clock holds cart_changes
-- Replies:
--   CREATED id sealed_token
--   NO_SUCH_USER, not recorded
if owner ~= '' and redis.call('EXISTS', user_prefix .. owner) == 0 then
  return reply('NO_SUCH_USER')
end
redis.call('HSET', cart, unpack(cjson.decode(fields)))
store_cart(id, owner, true)
emit('cart.created', id, {is_guest = owner == ''})
return answer('CREATED', id, sealed_token)
