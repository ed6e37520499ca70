-- cart_page: a page of the carts of a list, those that were changed last first or last: the time, and of each cart its
-- place in the list, its id, the values of FIELDS, and the number of its lines. Of one that has expired the first two.
-- KEYS: carts
-- ARGV: bound last descending wanted cart_prefix
local FIELDS = {
  'owner', 'currency', 'voucher', 'hold_ends_at', 'purchase', 'created_at', 'updated_at', 'version',
  'token', 'email', 'customer', 'shipping_address', 'shipping_method', 'shipping_price', 'voucher_terms', 'hold',
  'held_since', 'purchase_request',
}
local SHOWN = 8

local function places()
  if descending == '1' then
    return redis.call('ZRANGE', carts, bound, last, 'BYSCORE', 'REV', 'LIMIT', 0, wanted, 'WITHSCORES')
  end
  return redis.call('ZRANGE', carts, bound, last, 'BYSCORE', 'LIMIT', 0, wanted, 'WITHSCORES')
end

local time = redis.call('TIME')
local page, found = {string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))}, places()
-- Bound: `wanted`, one more than the largest page: 101.
for place = 1, #found, 2 do
  local cart = cart_prefix .. found[place]
  local values, others = redis.call('HMGET', cart, unpack(FIELDS)), 0
  local row = {found[place + 1], found[place]}
  -- Bound: FIELDS.
  for index = 1, #FIELDS do
    others = others + (values[index] and 1 or 0)
    if values[1] and index <= SHOWN then
      row[#row + 1] = values[index] or ''
    end
  end
  if values[1] then
    row[#row + 1] = redis.call('HLEN', cart) - others
  end
  page[#page + 1] = row
end
return page
