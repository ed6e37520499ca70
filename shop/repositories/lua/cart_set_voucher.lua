-- cart_set_voucher: puts a voucher into a cart that it applies to, or takes it out, where the code is empty.
-- KEYS: cart
-- ARGV: id caller token code voucher_prefix at lifetime_ms empty_lifetime_ms max_carts max_guest_carts guest_carts cart_prefix user_prefix product_prefix holds_prefix
-- Uses: clock holds cart_access cart_changes vouchers
-- Replies:
--   CHANGED_CART version
--   NOT_APPLICABLE reason
--   PURCHASED purchase
--   NOT_FOUND, not recorded
local fields = cart_fields(cart)
if not fields then
  return reply('NOT_FOUND')
end
if fields.purchase then
  return refuse('PURCHASED', fields.purchase)
end

-- What the lines cost now, without those that have a price no more.
local function items_total()
  local total = 0
  -- Bound: the lines of a cart, at most 100.
  for _, line in ipairs(cart_lines(fields)) do
    local found = redis.call('HMGET', product_prefix .. line[1], 'price', 'currency', 'withdrawn')
    if found[2] == fields.currency and not found[3] then
      total = total + found[1] * line[2]
    end
  end
  return total
end

if code == '' then
  redis.call('HDEL', cart, 'voucher', 'voucher_terms')
else
  local customer = fields.owner ~= '' and fields.owner or fields.customer or ''
  local voucher = voucher_fields(code)
  local obstacle = voucher_obstacle(voucher, code, customer, fields.currency, items_total(), clock_ms())
  if obstacle then
    return refuse('NOT_APPLICABLE', obstacle)
  end
  redis.call('HSET', cart, 'voucher', code, 'voucher_terms', voucher_terms(voucher))
end
local version = changed_cart(id, fields)
emit('cart.updated', id, {fields = 'voucher'})
return answer('CHANGED_CART', version)
