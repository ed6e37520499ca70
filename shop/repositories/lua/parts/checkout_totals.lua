-- checkout_totals: what a cart costs beside its items: less what its voucher takes off, and shipping.
-- Needs: shipping_method_prefix clock_ms discount_of voucher_fields voucher_terms voucher_obstacle
-- Gives: EXHAUSTION checkout_totals
-- Obstacles that come of what others, or the customer, have redeemed.
local EXHAUSTION = {exhausted = true, ['exhausted-for-customer'] = true}

local function is_reached_country(fields, countries)
  if countries == '' or fields.shipping_address == '' then
    return true
  end
  return string.find(' ' .. countries .. ' ', ' ' .. cjson.decode(fields.shipping_address).country .. ' ', 1, true) ~= nil
end

-- Returns the price of the cart's shipping method, and what is wrong with it, or nil.
local function shipping_of(fields)
  if fields.shipping_method == '' then
    return 0, nil
  end
  local method = shipping_method_prefix .. fields.shipping_method
  local price, currency, is_active, countries =
    unpack(redis.call('HMGET', method, 'price', 'currency', 'is_active', 'countries'), 1, 4)
  if is_active ~= '1' or currency ~= fields.currency or not is_reached_country(fields, countries) then
    return 0, 'shipping-unavailable'
  end
  return tonumber(price), price ~= fields.shipping_price and 'shipping-price-changed' or nil
end

-- Takes the fields of a cart, what its items cost, and who buys. Returns discount, shipping, voucher, and what stands in
-- the way: of shipping a problem of the cart, of the voucher why it does not apply.
local function checkout_totals(fields, items, customer)
  local totals = {discount = 0}
  totals.shipping, totals.shipping_problem = shipping_of(fields)
  local code = fields.voucher or ''
  if code == '' then
    return totals
  end
  local voucher = voucher_fields(code)
  totals.obstacle = voucher_obstacle(voucher, code, customer, fields.currency, items, clock_ms())
  if not totals.obstacle and voucher_terms(voucher) ~= fields.voucher_terms then
    totals.obstacle = 'changed'
  end
  if not totals.obstacle then
    totals.voucher_id = voucher.id
    totals.discount = discount_of(voucher.kind, tonumber(voucher.value), items, totals.shipping)
  end
  return totals
end
