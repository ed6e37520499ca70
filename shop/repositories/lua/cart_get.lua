-- cart_get: a cart with what is known of its products now, for whom it belongs to. Prices and stocks are read anew.
-- KEYS: cart
-- ARGV: id caller token product_prefix holds_prefix
-- Uses: cart_access
-- Bound: the lines of a cart, at most 100.
local fields = cart_fields()
if not fields then
  return {}
end
local time = redis.call('TIME')
local now, products = time[1] * 1000 + math.floor(time[2] / 1000), {}
for place, line in ipairs(cart_lines(fields)) do
  local product = product_prefix .. line[1]
  local found = redis.call('HMGET', product, 'sku', 'name', 'price', 'currency', 'stock', 'withdrawn')
  -- Of others: a reading script drops nothing, so what has ended is left out here.
  local others = 0
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', holds_prefix .. line[1], now + 1, '+inf')) do
    if string.sub(member, 1, #id) ~= id then
      others = others + tonumber(string.match(member, '%d+$'))
    end
  end
  -- false ends no list here, as nil would.
  products[place] = {line[1], found, others}
end
return {redis.call('HGETALL', cart), products, string.format('%.0f', now)}
