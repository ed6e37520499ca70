-- transfer_cancel: cancels a transfer that has not ended, and drops the data of any.
-- KEYS: transfer data due stored
-- ARGV: id at
-- Uses: transfer_end
-- Replies:
--   CANCELLED
--   NOT_FOUND, not recorded
local found = redis.call('HMGET', transfer, 'status', 'finished_at')
if not found[1] then
  return reply('NOT_FOUND')
end
if not found[2] then
  redis.call('HSET', transfer, 'status', 'cancelled', 'finished_at', at, 'claim', '')
end
drop_data()
return answer('CANCELLED')
