-- cart_get: a cart with what its products are now, for its caller: its fields, of each line the product's fields and the
-- units that others hold, the time, its voucher and how often its customer has redeemed that, and its shipping method.
-- Nothing where it is another's.
-- KEYS: cart
-- ARGV: id caller token user_prefix product_prefix holds_prefix voucher_prefix shipping_method_prefix
-- Uses: cart_access
local PRODUCT_FIELDS = {'sku', 'name', 'price', 'currency', 'stock', 'withdrawn', 'held'}
local fields = cart_fields(cart)
if not fields then
  return {}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Of all lines together, holds that have ended and are looked at: those of two products. Of a cart with more of them the
-- others count until a write drops them: what is available is shown as less than it is, and bought as it is.
local unread_holds = 2000

-- As held_units of holds.lua, without a write: what has ended is left where it is.
local function units_of_others(product, held, own)
  local holds, units = holds_prefix .. product, tonumber(held)
  local ended = redis.call('ZRANGEBYSCORE', holds, '-inf', now, 'LIMIT', 0, unread_holds)
  unread_holds = unread_holds - #ended
  -- Bound: the carts that may hold one product, 1000, and unread_holds.
  for _, member in ipairs(ended) do
    units = units - tonumber(string.match(member, '%d+$'))
  end
  local ends_at = own and redis.call('ZSCORE', holds, id .. ':' .. own)
  return ends_at and tonumber(ends_at) > now and units - own or units
end

local products, own = {}, fields.hold and cjson.decode(fields.hold) or {}
-- Bound: the lines of a cart, at most 100.
for place, line in ipairs(cart_lines(fields)) do
  local product = line[1]
  local found = redis.call('HMGET', product_prefix .. product, unpack(PRODUCT_FIELDS))
  local held = table.remove(found)
  local others = held and held ~= '0' and units_of_others(product, held, own[product]) or 0
  products[place] = {product, found, others}
end
local voucher, times_before, method = {}, 0, {}
if (fields.voucher or '') ~= '' then
  local customer = fields.owner ~= '' and fields.owner or fields.customer or ''
  voucher = redis.call('HGETALL', voucher_prefix .. fields.voucher)
  times_before = redis.call('HGET', voucher_prefix .. fields.voucher .. ':customers', customer) or 0
end
if fields.shipping_method ~= '' then
  method = redis.call('HGETALL', shipping_method_prefix .. fields.shipping_method)
end
return {redis.call('HGETALL', cart), products, string.format('%.0f', now), voucher, tonumber(times_before), method}
