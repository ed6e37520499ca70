-- purchase_fields: a purchase as it may be shown. An erased buyer is not shown from the first step of the erasure on,
-- though the steps have not come to this purchase.
-- Needs: user_prefix
-- Gives: is_erased anonymous_history without_tracking purchase_fields
-- What says who bought, beside the history.
local PERSONAL = {user = true, email = true, shipping_address = true}

local function is_erased(buyer)
  return buyer ~= '' and redis.call('EXISTS', user_prefix .. buyer) == 0
end

local function anonymous_history(history, buyer)
  local events = cjson.decode(history)
  -- Bound: the steps of a purchase, at most 60.
  for _, event in ipairs(events) do
    if event[3] == buyer then
      event[3] = ''
    end
  end
  return cjson.encode(events)
end

-- A tracking number leads to the address of the buyer.
local function without_tracking(shipments)
  local sent = cjson.decode(shipments)
  -- Bound: the shipments of a purchase, at most 20.
  for _, shipment in ipairs(sent) do
    shipment[3] = ''
  end
  return cjson.encode(sent)
end

-- Returns the purchase's fields and values; nothing where there is none.
local function purchase_fields(purchase)
  local buyer, fields = redis.call('HGET', purchase, 'user') or '', redis.call('HGETALL', purchase)
  if not is_erased(buyer) then
    return fields
  end
  -- Bound: the fields of a purchase, at most 40.
  for place = 1, #fields, 2 do
    if PERSONAL[fields[place]] then
      fields[place + 1] = ''
    elseif fields[place] == 'history' then
      fields[place + 1] = anonymous_history(fields[place + 1], buyer)
    elseif fields[place] == 'shipments' then
      fields[place + 1] = without_tracking(fields[place + 1])
    end
  end
  return fields
end
