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
local refused, wrong = tonumber(failed), cjson.decode(failures)

local function refuse_row(row, column, code, detail)
  refused = refused + 1
  wrong[#wrong + 1] = {row = row, column = column, code = code, detail = detail}
end

-- Of each product of the step: its number, its stock behind the rows so far, and the units that are held of it.
local states, changes = {}, {}
local function state_of(product)
  if not states[product] then
    local found = redis.call('HMGET', product_prefix .. product, 'number', 'stock', 'held')
    states[product] = {number = found[1], stock = tonumber(found[2]), held = found[3]}
  end
  return states[product]
end

local function available(product, state)
  state.held_units = state.held_units or held_units(product, state.held)
  return state.stock - state.held_units
end

local function fault(product, state, delta)
  if delta < 0 then
    local units = available(product, state)
    if state.stock + delta < 0 or units + delta < 0 then
      return 'insufficient-stock', string.format('Only %.0f units are available.', math.max(units, 0))
    end
  end
  if state.stock + delta > tonumber(max_stock) then
    return 'stock-too-large', string.format('A stock may be at most %s.', max_stock)
  end
end

local function plan(row, sku, column, units)
  local product = redis.call('HGET', skus, sku)
  if not product then
    return refuse_row(row, 'sku', 'unknown-sku', 'No product has this SKU.')
  end
  local state = state_of(product)
  local delta = column == 'stock' and units - state.stock or units
  local code, detail = fault(product, state, delta)
  if code then
    return refuse_row(row, column, code, detail)
  end
  state.stock = state.stock + delta
  changes[#changes + 1] = {product, delta}
end

local function carry_out(product, delta)
  local found = redis.call('HMGET', product_prefix .. product, unpack(STOCK_FIELDS))
  local stock = found[1] + delta
  if delta ~= 0 then
    change_stock(product, found, delta, 'adjustment', id, by)
    redis.call('HINCRBY', product_prefix .. product, 'adjusted', string.format('%.0f', delta))
    emit('product.stock_adjusted', product, {stock = stock, delta = delta})
  end
  if stock > 0 then
    move(sold_out, in_stock, states[product].number)
  else
    move(in_stock, sold_out, states[product].number)
  end
end

-- Bound: the rows of a step, at most 50.
for _, each in ipairs(cjson.decode(rows)) do
  plan(unpack(each))
end
-- Bound: the rows of a step. All of them were read before the first one takes effect.
for _, each in ipairs(changes) do
  carry_out(unpack(each))
end
advance(done + #changes, refused, wrong)
return answer('IMPORTED')
