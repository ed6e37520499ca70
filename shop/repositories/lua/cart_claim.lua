-- cart_claim: makes a guest's cart the caller's. It goes into the open cart of its currency that they changed last, lines
-- of one product summed; where they have none, it becomes theirs. The cart's token ends with that.
-- KEYS: cart
-- ARGV: id caller token max_lines max_units at lifetime_ms empty_lifetime_ms max_carts max_guest_carts guest_carts cart_prefix user_prefix product_prefix holds_prefix
-- Uses: clock holds cart_access cart_changes cart_merge
-- Replies:
--   CLAIMED id                 of the user's cart
--   TOO_MANY_LINES
--   PURCHASED purchase
--   NOT_FOUND, not recorded
local fields = cart_fields(cart)
if not fields or redis.call('EXISTS', user_prefix .. caller) == 0 then
  return reply('NOT_FOUND')
end
if fields.purchase then
  return refuse('PURCHASED', fields.purchase)
end
if fields.owner == caller then
  return answer('CLAIMED', id)
end
local open, open_fields = open_cart(fields.currency)
if not open then
  redis.call('HSET', cart, 'owner', caller, 'token', '')
  redis.call('ZREM', guest_carts, id)
  fields.owner = caller
  changed_cart(id, fields)
  emit('cart.claimed', id, {})
  return answer('CLAIMED', id)
end
local changes, count = merged_fields(fields, open_fields)
if count > tonumber(max_lines) then
  return refuse('TOO_MANY_LINES')
end
drop_cart_hold(id, fields)
drop_cart_hold(open, open_fields)
if #changes > 0 then
  redis.call('HSET', cart_prefix .. open, unpack(changes))
end
redis.call('UNLINK', cart)
redis.call('ZREM', guest_carts, id)
changed_cart(open, open_fields)
emit('cart.claimed', open, {from = id})
return answer('CLAIMED', open)
