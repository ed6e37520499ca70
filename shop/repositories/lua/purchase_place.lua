-- purchase_place: takes units from stock and makes the purchase, all lines or nothing. A purchase that is there already
-- (its id derived from data that is loaded again) is answered and not made again.
-- KEYS: purchase user skus in_stock sold_out purchases purchases_of_status user_purchases user_purchases_of_status user_placed
-- ARGV: id buyer fields lines product_prefix movements_prefix holds_prefix max_total user_prefix max_open
-- Uses: index_sets stock clock holds purchase_fields purchase_lines purchase_creation
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

local all = priced(lines_by_id(cjson.decode(lines)))
if #all.unknown > 0 then
  return refuse('UNKNOWN_PRODUCT', cjson.encode(all.unknown))
end
if #all.currencies > 1 then
  table.sort(all.currencies)
  return refuse('MIXED_CURRENCIES', cjson.encode(all.currencies))
end
if #all.shortages > 0 then
  return refuse('INSUFFICIENT_STOCK', cjson.encode(all.shortages))
end
if all.is_too_large then
  return reply('TOTAL_TOO_LARGE')
end
local total = string.format('%.0f', all.total)
local record = store_purchase(all, {'total', total, unpack(cjson.decode(fields))})
emit('purchase.placed', id, {total = total, currency = all.currencies[1]})
return answer_about(buyer, 'PLACED', unpack(record))
