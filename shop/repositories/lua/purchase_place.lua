-- purchase_place: takes units from stock and makes the purchase, all lines or nothing. A purchase that is there already
-- (its id derived from data that is loaded again) is answered and not made again.
-- KEYS: purchase user skus in_stock sold_out purchases purchases_of_status user_purchases user_purchases_of_status user_placed
-- ARGV: id buyer fields lines product_prefix movements_prefix max_total user_prefix max_open
-- Uses: index_sets stock purchase_fields purchase_lines
-- Subject: buyer
-- Replies:
--   PLACED purchase...         the purchase's fields and values
--   TOO_MANY_OPEN limit        the buyer has as many unpaid purchases; 0 is no limit
--   UNKNOWN_PRODUCT places     the places of these lines among all
--   MIXED_CURRENCIES currencies
--   INSUFFICIENT_STOCK shortages    [place, available] of each; of a SKU or a sum [product, requested, available]
--   TOTAL_TOO_LARGE, not recorded
--   NO_SUCH_USER, not recorded
-- One call for both: a key counts as often as it is named.
local present = redis.call('EXISTS', user, user, purchase)
local has_user = present >= 2
if present % 2 == 1 then
  return answer_about(has_user and buyer or '', 'PLACED', unpack(purchase_fields(purchase)))
end
if not has_user then
  return reply('NO_SUCH_USER')
end

if max_open ~= '0' and redis.call('ZCARD', user_placed) >= tonumber(max_open) then
  return refuse('TOO_MANY_OPEN', max_open)
end

local largest = tonumber(max_total)
local items, taken, unknown, shortages, currencies, seen = {}, {}, {}, {}, {}, {}
local total, is_too_large = 0, false
-- Bound: the lines of a purchase, at most 100.
for at, line in ipairs(lines_by_id(cjson.decode(lines))) do
  local product, quantity, place, differs = unpack(line)
  local key = product_prefix .. product
  local found = redis.call('HMGET', key, 'sku', 'name', 'price', 'currency', 'number', 'withdrawn', unpack(STOCK_FIELDS))
  local sku, name, price, currency, number, withdrawn, stock = unpack(found, 1, 7)
  if not sku or withdrawn then
    unknown[#unknown + 1] = place
  else
    if not seen[currency] then
      seen[currency] = true
      currencies[#currencies + 1] = currency
    end
    if tonumber(stock) < quantity then
      shortages[#shortages + 1] = differs and {product, quantity, tonumber(stock)} or {place, tonumber(stock)}
    end
    local line_total = price * quantity
    total = total + line_total
    is_too_large = is_too_large or line_total > largest or total > largest
    items[at] = {product, sku, name, price, quantity, string.format('%.0f', line_total)}
    taken[at] = {product, {unpack(found, 7, 10)}, quantity, number}
  end
end
if #unknown > 0 then
  return refuse('UNKNOWN_PRODUCT', cjson.encode(unknown))
end
if #currencies > 1 then
  table.sort(currencies)
  return refuse('MIXED_CURRENCIES', cjson.encode(currencies))
end
if #shortages > 0 then
  return refuse('INSUFFICIENT_STOCK', cjson.encode(shortages))
end
if is_too_large then
  return reply('TOTAL_TOO_LARGE')
end

-- Bound: the lines of a purchase.
for _, take in ipairs(taken) do
  local product, found, quantity, number = unpack(take)
  change_stock(product, found, -quantity, 'sale', id, '')
  if tonumber(found[1]) == quantity then
    move(in_stock, sold_out, number)
  end
end
local record = {'items', cjson.encode(items), 'total', string.format('%.0f', total), 'currency', currencies[1],
  unpack(cjson.decode(fields))}
redis.call('HSET', purchase, unpack(record))
-- Bound: four.
for _, index in ipairs({purchases, purchases_of_status, user_purchases, user_purchases_of_status}) do
  redis.call('ZADD', index, 0, id)
end
emit('purchase.placed', id, {total = record[4], currency = currencies[1]})
return answer_about(buyer, 'PLACED', unpack(record))
