-- transfer_finish: ends a transfer. Without `data_ttl_ms` its data is dropped.
-- KEYS: transfer data due stored
-- ARGV: id claim step status error at data_ttl_ms
-- Uses: transfers transfer_end
-- Replies:
--   FINISHED
--   CLAIM_LOST, not recorded
local found = redis.call('HMGET', transfer, 'status', 'claim', 'step')
if found[1] ~= 'running' or found[2] ~= claim or found[3] ~= step then
  return reply('CLAIM_LOST')
end
redis.call('HSET', transfer, 'status', status, 'error', error, 'finished_at', at, 'claim', '')
if data_ttl_ms == '0' then
  drop_data()
else
  redis.call('PEXPIRE', data, data_ttl_ms)
  redis.call('ZADD', stored, 'XX', transfer_clock(data_ttl_ms), id)
  redis.call('ZREM', due, id)
end
return answer('FINISHED')
