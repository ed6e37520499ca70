-- cart_checkout: buys what is in a cart, all lines or nothing, at the prices that the cart has shown. A cart is bought
-- once: whatever is repeated, under whichever key, is answered with its purchase. What the cart holds is taken first.
-- KEYS: purchase user cart in_stock sold_out purchases purchases_of_status user_purchases user_purchases_of_status user_placed purchases_by_pay_by
-- ARGV: id buyer caller token cart_id fields pay_by product_prefix movements_prefix holds_prefix purchase_prefix max_total user_prefix max_open
-- Uses: index_sets stock holds cart_access purchase_fields purchase_creation
-- Subject: buyer
-- Replies:
--   PLACED purchase...         the purchase's fields and values
--   EMPTY
--   TOO_MANY_OPEN limit
--   UNKNOWN_PRODUCT products   ids, as JSON
--   PRICE_CHANGED lines        [product, price that was shown, present price] of each
--   INSUFFICIENT_STOCK shortages    [product, requested, available] of each
--   TOTAL_TOO_LARGE, not recorded
--   NO_SUCH_USER, not recorded
--   NOT_FOUND, not recorded
local fields_of_cart = cart_fields()
if not fields_of_cart then
  return reply('NOT_FOUND')
end
if fields_of_cart.purchase then
  return answer_about(buyer, 'PLACED', unpack(purchase_fields(purchase_prefix .. fields_of_cart.purchase)))
end
if buyer ~= '' and redis.call('EXISTS', user) == 0 then
  return reply('NO_SUCH_USER')
end
if max_open ~= '0' and buyer ~= '' and redis.call('ZCARD', user_placed) >= tonumber(max_open) then
  return refuse('TOO_MANY_OPEN', max_open)
end
local lines = cart_lines(fields_of_cart)
if #lines == 0 then
  return refuse('EMPTY')
end

-- What the cart holds still: a hold that has ended gives nothing.
local own = {}
if fields_of_cart.hold and tonumber(fields_of_cart.hold_ends_at) > clock_ms() then
  own = cjson.decode(fields_of_cart.hold)
end
local wanted = {}
for place, line in ipairs(lines) do
  wanted[place] = {line[1], line[2], line[1], true}
end
local all = priced(wanted, own)
if #all.unknown > 0 then
  return refuse('UNKNOWN_PRODUCT', cjson.encode(all.unknown))
end
local changed = {}
for place, line in ipairs(lines) do
  local price = tonumber(all.items[place][4])
  if price ~= line[3] or all.currencies[1] ~= fields_of_cart.currency then
    changed[#changed + 1] = {line[1], line[3], price}
  end
end
if #changed > 0 then
  return refuse('PRICE_CHANGED', cjson.encode(changed))
end
if #all.shortages > 0 then
  return refuse('INSUFFICIENT_STOCK', cjson.encode(all.shortages))
end
if all.is_too_large then
  return reply('TOTAL_TOO_LARGE')
end

drop_cart_hold(fields_of_cart, cart_id)
local total = string.format('%.0f', all.total)
local record = store_purchase(all, {'total', total, 'cart', cart_id, 'pay_by', pay_by, unpack(cjson.decode(fields))})
redis.call('ZADD', purchases_by_pay_by, pay_by, id)
redis.call('HSET', cart, 'purchase', id)
emit('purchase.placed', id, {total = total, currency = all.currencies[1], cart = cart_id})
return answer_about(buyer, 'PLACED', unpack(record))
