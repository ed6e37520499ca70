-- purchase_state: what is known of a purchase before a script changes it.
-- Needs: purchase_prefix
-- Gives: purchase_state stage_of
local STATE_FIELDS = {'user', 'status', 'history', 'items', 'shipments', 'restocked', 'restocked_units', 'pay_by', 'guest_customer'}

-- Returns the fields that transitions and `restock` need, by their names; nil where there is no such purchase.
local function purchase_state(id)
  local values, fields = redis.call('HMGET', purchase_prefix .. id, unpack(STATE_FIELDS)), {}
  -- Bound: STATE_FIELDS, 9.
  for place, name in ipairs(STATE_FIELDS) do
    fields[name] = values[place] or nil
  end
  return fields.status and fields
end

-- Returns the status that decides what may follow: after a partial refund it is the one before.
local function stage_of(fields)
  if fields.status ~= 'partially_refunded' then
    return fields.status
  end
  local events = cjson.decode(fields.history)
  local place = #events
  -- Bound: the steps of a purchase, at most 60.
  while place > 1 and events[place][1] == 'partially_refunded' do
    place = place - 1
  end
  return events[place][1]
end
