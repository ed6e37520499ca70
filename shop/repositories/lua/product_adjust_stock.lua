-- product_adjust_stock: adds units to a product's stock, or takes some away. A stock is never negative.
-- KEYS: product in_stock sold_out
-- ARGV: delta expected max_stock
-- Uses: index_sets stock
-- Replies:
--   ADJUSTED stock
--   STOCK_CHANGED stock        the stock is not the expected one
--   INSUFFICIENT_STOCK stock
--   STOCK_TOO_LARGE, not recorded
--   NOT_FOUND, not recorded
local fields = redis.call('HMGET', product, 'stock', 'withdrawn', 'number', 'stock_changed_at', 'created_at')
local stock, withdrawn, number, changed_at, created_at = unpack(fields, 1, 5)
if not stock or withdrawn then
  return reply('NOT_FOUND')
end
if expected ~= '' and expected ~= stock then
  return refuse('STOCK_CHANGED', stock)
end
local new_stock = stock + delta
if new_stock < 0 then
  return refuse('INSUFFICIENT_STOCK', stock)
end
if new_stock > tonumber(max_stock) then
  return reply('STOCK_TOO_LARGE')
end
if delta ~= '0' then
  set_stock(product, new_stock, changed_at or created_at)
end
redis.call('HINCRBY', product, 'adjusted', delta)
if new_stock > 0 then
  move(sold_out, in_stock, number)
else
  move(in_stock, sold_out, number)
end
record_change('stock', stock, string.format('%.0f', new_stock))
return answer('ADJUSTED', string.format('%.0f', new_stock))
