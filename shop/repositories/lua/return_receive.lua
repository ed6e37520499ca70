-- return_receive: takes back units of an approved return: these lines, or all of it where there are none. With
-- `restock_units` those of them go back into stock that have not done so by another way. Where the purchase has been
-- refunded by then, so is the return.
-- KEYS: record returns in_stock sold_out
-- ARGV: id lines restock_units by at product_prefix movements_prefix purchase_prefix user_prefix return_prefix
-- Uses: index_sets stock purchase_fields purchase_state purchase_units return_transition return_fields restock
-- Subject: buyer
-- Replies:
--   RECEIVED return...         the return's fields and values
--   INVALID_TRANSITION status  where the return is
--   UNITS_EXCEEDED lines       [product, requested, left] of each, as JSON
--   NOT_FOUND, not recorded
local status, purchase_id, asked = unpack(redis.call('HMGET', record, 'status', 'purchase', 'lines'), 1, 3)
local state = purchase_id and purchase_state(purchase_id)
if not state then
  return reply('NOT_FOUND')
end
if status ~= 'approved' then
  return refuse('INVALID_TRANSITION', status)
end
local received = cjson.decode(lines)
local rows = exceeding(received, units_of_lines(cjson.decode(asked), {}))
if #rows > 0 then
  return refuse('UNITS_EXCEEDED', cjson.encode(rows))
end
if #received == 0 then
  received = cjson.decode(asked)
end

local restored = {}
if restock_units == '1' then
  local units = restock(purchase_id, state, units_of_lines(received, {}), 'returned', by)
  -- Bound: the lines of a return, at most 100.
  for _, line in ipairs(received) do
    if units[line[1]] then
      restored[#restored + 1] = {line[1], units[line[1]]}
    end
  end
end
record_change('status', status, 'received')
redis.call('HSET', record, 'received', cjson.encode(received))
if #restored > 0 then
  redis.call('HSET', record, 'restocked', cjson.encode(restored))
end
move_return(id, status, 'received', at, purchase_id)
if state.status == 'refunded' then
  move_return(id, 'received', 'refunded', at, purchase_id)
end
local record_fields, buyer = return_fields(id)
return answer_about(buyer, 'RECEIVED', unpack(record_fields))
