-- cart_hold: holds the units of all lines of a cart for `duration_ms` from now, or none of them. Units that the cart
-- holds already are not counted against it; a hold that has ended is taken anew, and not renewed over another's. One that
-- has not is extended, to max_hold_ms after it was taken at most.
-- KEYS: cart
-- ARGV: id caller token duration_ms max_hold_ms at lifetime_ms empty_lifetime_ms max_carts max_guest_carts guest_carts cart_prefix user_prefix product_prefix holds_prefix
-- Uses: clock holds cart_access cart_changes
-- Replies:
--   CHANGED_CART version
--   INSUFFICIENT_STOCK shortages    [product, requested, available] of each
--   TOO_MANY_HOLDS product
--   NOT_READY problems         [pointer, code] of each
--   PURCHASED purchase
--   NOT_FOUND, not recorded
local fields = cart_fields(cart)
if not fields then
  return reply('NOT_FOUND')
end
if fields.purchase then
  return refuse('PURCHASED', fields.purchase)
end
local lines = cart_lines(fields)
if #lines == 0 then
  return refuse('NOT_READY', cjson.encode({{'', 'empty'}}))
end
local own, shortages, crowded = fields.hold and cjson.decode(fields.hold) or {}, {}, nil
-- Bound: the lines of a cart, at most 100.
for _, line in ipairs(lines) do
  local product, quantity = line[1], line[2]
  local stock, held, withdrawn = unpack(redis.call('HMGET', product_prefix .. product, 'stock', 'held', 'withdrawn'), 1, 3)
  local others, own_held = held_units(product, held), own_units(product, id, own[product])
  if own_held == 0 and redis.call('ZCARD', holds_prefix .. product) >= MAX_HOLDS then
    crowded = product
  end
  local available = (stock and not withdrawn) and stock - others + own_held or 0
  if available < quantity then
    shortages[#shortages + 1] = {product, quantity, math.max(available, 0)}
  end
end
if #shortages > 0 then
  return refuse('INSUFFICIENT_STOCK', cjson.encode(shortages))
end
if crowded then
  return refuse('TOO_MANY_HOLDS', crowded)
end
local is_held = fields.hold_ends_at and tonumber(fields.hold_ends_at) > clock_ms()
local held_since = is_held and tonumber(fields.held_since) or clock_ms()
drop_cart_hold(id, fields)
local hold, ends_at = {}, math.min(clock_ms() + duration_ms, held_since + max_hold_ms)
-- Bound: the lines of a cart.
for _, line in ipairs(lines) do
  add_hold(line[1], id, line[2], ends_at)
  hold[line[1]] = line[2]
end
local until_ms = string.format('%.0f', ends_at)
local since_ms = string.format('%.0f', held_since)
redis.call('HSET', cart, 'hold', cjson.encode(hold), 'hold_ends_at', until_ms, 'held_since', since_ms)
local version = changed_cart(id, fields)
emit('cart.held', id, {ends_at_ms = ends_at})
return answer('CHANGED_CART', version)
