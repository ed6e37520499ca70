-- restock: brings units of a purchase back into stock, each of them once, whatever asks for it, how often and in which
-- order; of a withdrawn product too. `restocked_units` of the purchase says how many have come back of each product,
-- `restocked` that all have. It is recorded before the stock changes: whatever fails behind that, and is repeated, no unit
-- comes back twice.
-- Needs: purchase_prefix product_prefix in_stock sold_out STOCK_FIELDS change_stock move
-- Gives: restock

-- Returns the number of a product and the values of STOCK_FIELDS; nil where its record lacks some. Its units stay with
-- the purchase: a script that fails would end none of the others either.
local function stock_state(product)
  local found = redis.call('HMGET', product_prefix .. product, 'number', unpack(STOCK_FIELDS))
  local is_whole = found[1] and tonumber(found[2]) and tonumber(found[3] or found[4])
  return is_whole and {number = found[1], stock = {unpack(found, 2, 5)}}
end

local function record_restocked(purchase, fields, units, is_complete)
  if is_complete then
    fields.restocked, fields.restocked_units = '1', nil
    redis.call('HSET', purchase, 'restocked', '1')
    redis.call('HDEL', purchase, 'restocked_units')
  else
    fields.restocked_units = cjson.encode(units)
    redis.call('HSET', purchase, 'restocked_units', fields.restocked_units)
  end
end

-- Takes what `purchase_state` returned, and units by product, or nil for all that have not come back yet. `kind` is that
-- of the movements. Returns the units that came back now, by product: fewer than wanted where others did before.
local function restock(id, fields, wanted, kind, by)
  local restored, before, is_complete = {}, cjson.decode(fields.restocked_units or '{}'), true
  if fields.restocked == '1' then
    return restored
  end
  local lines = {}
  -- Bound: the lines of a purchase, at most 100.
  for _, item in ipairs(cjson.decode(fields.items)) do
    local product, left = item[1], item[5] - (before[item[1]] or 0)
    local units = math.min(wanted and (wanted[product] or 0) or left, left)
    local state = units > 0 and stock_state(product)
    if state then
      lines[#lines + 1] = {product, state, units}
      restored[product], before[product] = units, (before[product] or 0) + units
    end
    is_complete = is_complete and units == left and not (units > 0 and not state)
  end
  if is_complete or #lines > 0 then
    record_restocked(purchase_prefix .. id, fields, before, is_complete)
  end
  -- A buyer is no part of the ledger: the purchase names them until they are erased.
  local author = by == fields.user and '' or by
  -- Bound: the same.
  for _, line in ipairs(lines) do
    change_stock(line[1], line[2].stock, line[3], kind, id, author)
    move(sold_out, in_stock, line[2].number)
  end
  return restored
end
