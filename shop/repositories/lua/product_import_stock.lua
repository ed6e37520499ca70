-- product_import_stock: sets the stock of products or adds units, and records the step of the import in the same write.
-- Rows that cannot be carried out become errors of the import; the others take effect.
-- KEYS: transfer errors due data stored skus in_stock sold_out
-- ARGV: id claim step fields done failed failures lease_ms data_ttl_ms rows max_stock by product_prefix movements_prefix holds_prefix
-- Uses: transfers transfer_steps index_sets stock clock holds
-- Replies:
--   IMPORTED
--   CLAIM_LOST, not recorded
if not has_claim() then
  return reply('CLAIM_LOST')
end
local refused, wrong, carried_out = tonumber(failed), cjson.decode(failures), tonumber(done)

local function refuse_row(row, column, code, detail)
  refused = refused + 1
  wrong[#wrong + 1] = {row = row, column = column, code = code, detail = detail}
end

local function fault(product, found, held, delta)
  local stock = tonumber(found[1])
  local available = delta < 0 and stock - held_units(product, held) or 0
  if stock + delta < 0 or available + math.min(delta, 0) < 0 then
    return 'insufficient-stock', string.format('Only %.0f units are available.', math.max(available, 0))
  end
  if stock + delta > tonumber(max_stock) then
    return 'stock-too-large', string.format('A stock may be at most %s.', max_stock)
  end
end

local function put(product, found, number, delta)
  local stock = found[1] + delta
  if delta ~= 0 then
    change_stock(product, found, delta, 'adjustment', id, by)
    redis.call('HINCRBY', product_prefix .. product, 'adjusted', string.format('%.0f', delta))
    emit('product.stock_adjusted', product, {stock = stock, delta = delta})
  end
  if stock > 0 then
    move(sold_out, in_stock, number)
  else
    move(in_stock, sold_out, number)
  end
end

local function carry_out(row, sku, column, units)
  local product = redis.call('HGET', skus, sku)
  if not product then
    return refuse_row(row, 'sku', 'unknown-sku', 'No product has this SKU.')
  end
  local found = redis.call('HMGET', product_prefix .. product, unpack(STOCK_FIELDS))
  local number, held = unpack(redis.call('HMGET', product_prefix .. product, 'number', 'held'), 1, 2)
  local delta = column == 'stock' and units - found[1] or units
  local code, detail = fault(product, found, held, delta)
  if code then
    return refuse_row(row, column, code, detail)
  end
  put(product, found, number, delta)
  carried_out = carried_out + 1
end

-- Bound: the rows of a step, at most 50.
for _, each in ipairs(cjson.decode(rows)) do
  carry_out(unpack(each))
end
advance(carried_out, refused, wrong)
return answer('IMPORTED')
