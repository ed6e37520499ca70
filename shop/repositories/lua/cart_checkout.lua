-- cart_checkout: buys what is in a cart, all lines or nothing, at the prices that the cart has shown. A cart is bought
-- once: whatever is repeated, under whichever key, is answered with its purchase. What the cart holds is taken first.
-- KEYS: purchase cart in_stock sold_out purchases purchases_of_status user_purchases user_purchases_of_status user_placed purchases_by_pay_by
-- ARGV: id buyer caller token cart_id fields pay_within_ms max_open max_total purchase_prefix movements_prefix voucher_prefix shipping_method_prefix at lifetime_ms empty_lifetime_ms max_carts max_guest_carts guest_carts cart_prefix user_prefix product_prefix holds_prefix
-- Uses: index_sets stock clock holds purchase_fields cart_access cart_changes purchase_creation discounts vouchers checkout_totals checkout_problems
-- Subject: buyer
-- Replies:
--   PLACED purchase...         the purchase's fields and values
--   PLACED_BEFORE request purchase...    by which request it was
--   NOT_READY problems         [pointer, code] of each
--   PRICE_CHANGED currency lines    [product, price that was shown, present price] of each
--   INSUFFICIENT_STOCK shortages    [product, requested, available] of each
--   VOUCHER_EXHAUSTED reason
--   TOO_MANY_OPEN limit
--   TOTAL_TOO_LARGE, not recorded
--   NOT_FOUND, not recorded
local fields_of_cart = cart_fields(cart)
if not fields_of_cart or (buyer ~= '' and redis.call('EXISTS', user_prefix .. buyer) == 0) then
  return reply('NOT_FOUND')
end
if fields_of_cart.purchase then
  local record = purchase_fields(purchase_prefix .. fields_of_cart.purchase)
  return answer_about(buyer, 'PLACED_BEFORE', fields_of_cart.purchase_request, unpack(record))
end
local customer = buyer ~= '' and buyer or fields_of_cart.customer or ''
-- Of a guest those of all carts that name the same email address.
local placed_by_customer = buyer ~= '' and user_placed or purchases .. ':' .. customer
if max_open ~= '0' and redis.call('ZCARD', placed_by_customer) >= tonumber(max_open) then
  return refuse('TOO_MANY_OPEN', max_open)
end

local lines, wanted = cart_lines(fields_of_cart), {}
-- Bound: the lines of a cart, at most 100.
for place, line in ipairs(lines) do
  wanted[place] = {line[1], line[2], place, true}
end
local all = priced(wanted, cart_id, fields_of_cart.hold and cjson.decode(fields_of_cart.hold) or {})
local totals = checkout_totals(fields_of_cart, all.total, customer)
local problems = cart_problems(fields_of_cart, lines, all, totals)
if #problems > 0 then
  return refuse('NOT_READY', cjson.encode(problems))
end
local changes = price_changes(lines, all)
if #changes > 0 then
  return refuse('PRICE_CHANGED', fields_of_cart.currency, cjson.encode(changes))
end
if #all.shortages > 0 then
  return refuse('INSUFFICIENT_STOCK', cjson.encode(all.shortages))
end
if totals.obstacle then
  return refuse('VOUCHER_EXHAUSTED', totals.obstacle)
end
local due = all.total - totals.discount + totals.shipping
if all.is_too_large or due > tonumber(max_total) then
  return reply('TOTAL_TOO_LARGE')
end

drop_cart_hold(cart_id, fields_of_cart)
if buyer ~= '' and fields_of_cart.owner == '' then
  -- A guest's cart that a user buys is theirs from now on, and so is the purchase.
  fields_of_cart.owner, fields_of_cart.token = buyer, ''
  redis.call('HSET', cart, 'owner', buyer, 'token', '')
  redis.call('ZREM', guest_carts, cart_id)
end
local pay_by = string.format('%.0f', clock_ms() + pay_within_ms)
local total, voucher = string.format('%.0f', due), fields_of_cart.voucher or ''
local record = store_purchase(all, {
  'total', total, 'discount', string.format('%.0f', totals.discount),
  'shipping', string.format('%.0f', totals.shipping), 'voucher', voucher,
  'cart', cart_id, 'email', fields_of_cart.email, 'shipping_address', fields_of_cart.shipping_address,
  'shipping_method', fields_of_cart.shipping_method, 'pay_by', pay_by, 'guest', fields_of_cart.token,
  unpack(cjson.decode(fields))
})
if voucher ~= '' then
  redis.call('HSET', purchase, 'voucher_id', totals.voucher_id, 'voucher_customer', customer)
  redeem_voucher(voucher, customer, id)
end
if buyer == '' then
  redis.call('HSET', purchase, 'guest_customer', customer)
  redis.call('ZADD', placed_by_customer, 0, id)
end
redis.call('ZADD', purchases_by_pay_by, pay_by, id)
redis.call('HSET', cart, 'purchase', id, 'purchase_request', request_id)
changed_cart(cart_id, fields_of_cart)
emit('purchase.placed', id, {total = total, currency = all.currencies[1], cart = cart_id})
return answer_about(buyer, 'PLACED', unpack(record))
