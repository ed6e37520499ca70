-- cart_hold: holds the units of all lines of a cart until `ends_in_ms` from now, or none of them. Units that the cart
-- holds already are not counted against it; a hold that has ended is taken anew, and not renewed over another's.
-- KEYS: cart
-- ARGV: id caller token ends_in_ms at product_prefix holds_prefix
-- Uses: holds cart_access
-- Replies:
--   HELD version
--   INSUFFICIENT_STOCK shortages    [product, requested, available] of each
--   TOO_MANY_HOLDS product
--   EMPTY
--   PURCHASED purchase
--   NOT_FOUND, not recorded
local fields = cart_fields()
if not fields then
  return reply('NOT_FOUND')
end
if fields.purchase then
  return refuse('PURCHASED', fields.purchase)
end
local lines = cart_lines(fields)
if #lines == 0 then
  return refuse('EMPTY')
end
local own = fields.hold and cjson.decode(fields.hold) or {}
local shortages = {}
-- Bound: the lines of a cart, at most 100.
for _, line in ipairs(lines) do
  local product, quantity = line[1], line[2]
  local stock, held, withdrawn = unpack(redis.call('HMGET', product_prefix .. product, 'stock', 'held', 'withdrawn'), 1, 3)
  local others = held_units(product, held)
  if own[product] and redis.call('ZSCORE', holds_prefix .. product, id .. ':' .. own[product]) then
    others = others - own[product]
  elseif redis.call('ZCARD', holds_prefix .. product) >= MAX_HOLDS then
    return refuse('TOO_MANY_HOLDS', product)
  end
  local available = (stock and not withdrawn) and stock - others or 0
  if available < quantity then
    shortages[#shortages + 1] = {product, quantity, math.max(available, 0)}
  end
end
if #shortages > 0 then
  return refuse('INSUFFICIENT_STOCK', cjson.encode(shortages))
end
drop_cart_hold(fields, id)
local hold, ends_at = {}, clock_ms() + tonumber(ends_in_ms)
-- Bound: the lines of a cart.
for _, line in ipairs(lines) do
  add_hold(line[1], id, line[2], ends_at)
  hold[line[1]] = line[2]
end
redis.call('HSET', cart, 'hold', cjson.encode(hold), 'hold_ends_at', string.format('%.0f', ends_at))
return answer('HELD', changed_cart(at))
