-- return_request: asks to send units of a purchase back, which have been shipped, and are in no other return that was
-- not refused.
-- KEYS: record purchase_returns returns
-- ARGV: id purchase_id owner lines fields purchase_prefix user_prefix return_prefix
-- Uses: purchase_fields purchase_state purchase_units purchase_shipments return_transition return_fields
-- Subject: buyer
-- Replies:
--   REQUESTED return...        the return's fields and values
--   UNITS_EXCEEDED lines       [product, requested, left] of each, as JSON
--   TOO_MANY_RETURNS limit
--   NOT_FOUND, not recorded
local state = purchase_state(purchase_id)
if not state or (owner ~= '' and owner ~= state.user) then
  return reply('NOT_FOUND')
end
local ids = redis.call('ZRANGE', purchase_returns, 0, MAX_RETURNS - 1)
if #ids == MAX_RETURNS then
  return refuse('TOO_MANY_RETURNS', tostring(MAX_RETURNS))
end
local returned = {}
-- Bound: MAX_RETURNS.
for _, other in ipairs(ids) do
  local status, asked, received = unpack(redis.call('HMGET', return_prefix .. other, 'status', 'lines', 'received'), 1, 3)
  if status ~= 'refused' then
    units_of_lines(cjson.decode(received or asked), returned)
  end
end
local left = units_shipped(state, stage_of(state))
-- Bound: the lines of a purchase, at most 100.
for product, units in pairs(returned) do
  left[product] = (left[product] or 0) - units
end
local rows = exceeding(cjson.decode(lines), left)
if #rows > 0 then
  return refuse('UNITS_EXCEEDED', cjson.encode(rows))
end
redis.call('HSET', record, unpack(cjson.decode(fields)))
if is_erased(state.user) then
  redis.call('HSET', record, 'reason', '')
end
-- The list of an erased user is gone.
if state.user ~= '' and not is_erased(state.user) then
  redis.call('ZADD', user_prefix .. state.user .. ':returns', 0, id)
end
redis.call('ZADD', purchase_returns, 0, id)
redis.call('ZADD', returns, 0, id)
redis.call('ZADD', returns .. ':requested', 0, id)
emit('return.requested', id, {purchase = purchase_id, lines = named_lines(cjson.decode(lines))})
local record_fields, buyer = return_fields(id)
return answer_about(buyer, 'REQUESTED', unpack(record_fields))
