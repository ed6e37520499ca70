-- return_move: approves or refuses a return.
-- KEYS: record returns
-- ARGV: id target sources at purchase_prefix user_prefix return_prefix
-- Uses: purchase_fields return_transition return_fields
-- Subject: buyer
-- Replies:
--   MOVED return...            the return's fields and values
--   INVALID_TRANSITION status  where the return is
--   NOT_FOUND, not recorded
local status, purchase_id = unpack(redis.call('HMGET', record, 'status', 'purchase'), 1, 2)
if not status then
  return reply('NOT_FOUND')
end
if not string.find(sources, ' ' .. status .. ' ', 1, true) then
  return refuse('INVALID_TRANSITION', status)
end
record_change('status', status, target)
move_return(id, status, target, at, purchase_id)
local record_fields, buyer = return_fields(id)
return answer_about(buyer, 'MOVED', unpack(record_fields))
