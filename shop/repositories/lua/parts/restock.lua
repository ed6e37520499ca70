-- restock: brings units of a purchase back into stock, each of them once, whatever asks for it, how often and in which
-- order; of a withdrawn product too. `restocked_units` of the purchase says how many have come back of each product,
-- `restocked` that all have.
-- Needs: purchase_prefix product_prefix in_stock sold_out STOCK_FIELDS change_stock move
-- Gives: restock

-- Takes what `purchase_state` returned, and units by product, or nil for all that have not come back yet. `kind` is that
-- of the movements. Returns the units that came back now, by product: fewer than wanted where others did before.
local function restock(id, fields, wanted, kind, by)
  local restored, before, is_complete = {}, cjson.decode(fields.restocked_units or '{}'), true
  if fields.restocked == '1' then
    return restored
  end
  -- Bound: the lines of a purchase, at most 100.
  for _, item in ipairs(cjson.decode(fields.items)) do
    local product, left = item[1], item[5] - (before[item[1]] or 0)
    local units = math.min(wanted and (wanted[product] or 0) or left, left)
    if units > 0 then
      local record = product_prefix .. product
      -- A buyer is no part of the ledger: the purchase names them until they are erased.
      local author = by == fields.user and '' or by
      change_stock(product, redis.call('HMGET', record, unpack(STOCK_FIELDS)), units, kind, id, author)
      move(sold_out, in_stock, redis.call('HGET', record, 'number'))
      restored[product], before[product] = units, (before[product] or 0) + units
    end
    is_complete = is_complete and units == left
  end
  local purchase = purchase_prefix .. id
  if is_complete then
    fields.restocked, fields.restocked_units = '1', nil
    redis.call('HSET', purchase, 'restocked', '1')
    redis.call('HDEL', purchase, 'restocked_units')
  elseif next(restored) then
    fields.restocked_units = cjson.encode(before)
    redis.call('HSET', purchase, 'restocked_units', fields.restocked_units)
  end
  return restored
end
