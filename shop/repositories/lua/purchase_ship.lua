-- purchase_ship: records a shipment of units of a purchase that have not been shipped: of these lines, or of all that is
-- left where there are none. Once all are, the purchase is shipped. Units that a refund brings back into stock, now or once
-- all of the money has gone back, are not shipped any more.
-- KEYS: purchase purchases returns
-- ARGV: id by at lines carrier tracking max_shipments purchase_prefix user_prefix erasing_prefix return_prefix payment_prefix
-- Uses: purchase_fields purchase_detachment purchase_state purchase_units purchase_shipments return_transition purchase_transition
-- Subject: buyer
-- Replies:
--   MOVED purchase...          the purchase's fields and values
--   INVALID_TRANSITION status stage    where the purchase is, and the status that decides what may follow
--   UNITS_EXCEEDED lines       [product, requested, left] of each, as JSON
--   TOO_MANY_SHIPMENTS limit   the last shipment must have all that is left
--   NOT_FOUND, not recorded
local function has_restocking_refund()
  local payment_id = redis.call('HGET', purchase, 'payment')
  local refunds = payment_id and redis.call('HGET', payment_prefix .. payment_id, 'refunds')
  if not refunds or refunds == '' then
    return false
  end
  -- Bound: the refunds of a payment, at most 102.
  for _, row in ipairs(cjson.decode(refunds)) do
    if row[3] ~= 'failed' and row[4] == '1' then
      return true
    end
  end
  return false
end

local fields = purchase_state(id)
if not fields then
  return reply('NOT_FOUND')
end
local stage = stage_of(fields)
if stage ~= 'paid' and stage ~= 'partially_shipped' then
  return refuse('INVALID_TRANSITION', fields.status, stage)
end
local every, left = lines_left(fields, units_shipped(fields, stage))
local sent = cjson.decode(lines)
if fields.restocked == '1' or has_restocking_refund() then
  sent, left = #sent == 0 and every or sent, {}
end
local rows = exceeding(sent, left)
if #rows > 0 then
  return refuse('UNITS_EXCEEDED', cjson.encode(rows))
end
if #sent == 0 then
  sent = every
end
local rest = lines_left(fields, units_of_lines(sent, units_shipped(fields, stage)))
local shipments = cjson.decode(fields.shipments or '[]')
if #rest > 0 and #shipments + 1 >= tonumber(max_shipments) then
  return refuse('TOO_MANY_SHIPMENTS', max_shipments)
end
shipments[#shipments + 1] = {at, carrier, is_erased(fields.user) and '' or tracking, sent}
redis.call('HSET', purchase, 'shipments', cjson.encode(shipments))
local data = {shipment = #shipments, lines = named_lines(sent)}
transition(id, fields, #rest == 0 and 'shipped' or 'partially_shipped', at, by, data)
local buyer = fields.user
return answer_about(buyer, 'MOVED', unpack(redis.call('HGETALL', purchase)))
