-- product_adjust_stock: adds units to a product's stock, or takes some away. A stock is never negative.
-- KEYS: product in_stock sold_out
-- ARGV: id delta expected max_stock by product_prefix movements_prefix holds_prefix
-- Uses: index_sets stock clock holds
-- Replies:
--   ADJUSTED stock
--   STOCK_CHANGED stock        the stock is not the expected one
--   INSUFFICIENT_STOCK available
--   STOCK_TOO_LARGE, not recorded
--   NOT_FOUND, not recorded
local found = redis.call('HMGET', product, unpack(STOCK_FIELDS))
local stock, withdrawn, number, held = found[1], unpack(redis.call('HMGET', product, 'withdrawn', 'number', 'held'), 1, 3)
if not stock or withdrawn then
  return reply('NOT_FOUND')
end
if expected ~= '' and expected ~= stock then
  return refuse('STOCK_CHANGED', stock)
end
local new_stock = stock + delta
-- What carts hold is not taken from them.
local available = delta + 0 < 0 and stock - held_units(id, held) or 0
if new_stock < 0 or available + math.min(delta, 0) < 0 then
  return refuse('INSUFFICIENT_STOCK', string.format('%.0f', math.max(available, 0)))
end
if new_stock > tonumber(max_stock) then
  return reply('STOCK_TOO_LARGE')
end
if delta ~= '0' then
  change_stock(id, found, tonumber(delta), 'adjustment', request_id, by)
  emit('product.stock_adjusted', id, {stock = new_stock, delta = tonumber(delta)})
end
redis.call('HINCRBY', product, 'adjusted', delta)
if new_stock > 0 then
  move(sold_out, in_stock, number)
else
  move(in_stock, sold_out, number)
end
record_change('stock', stock, string.format('%.0f', new_stock))
return answer('ADJUSTED', string.format('%.0f', new_stock))
