-- transfer_claim: claims the transfer that has been due for longest. No other claim gets it until the lease is over.
-- KEYS: due stored
-- ARGV: lease_ms transfer_prefix
-- Uses: transfers
-- Replies:
--   CLAIMED transfer...        the transfer's fields and values
--   IDLE, not recorded
local MAX_EXPIRED = 10
count_stored()
-- Bound: MAX_EXPIRED.
for _, id in ipairs(redis.call('ZRANGE', due, '-inf', transfer_clock(), 'BYSCORE', 'LIMIT', 0, MAX_EXPIRED)) do
  local transfer = transfer_prefix .. id
  if redis.call('EXISTS', transfer) == 1 then
    redis.call('HSETNX', transfer, 'started_at', transfer_clock())
    redis.call('HSET', transfer, 'status', 'running', 'claim', request_id)
    redis.call('ZADD', due, transfer_clock(lease_ms), id)
    return answer('CLAIMED', unpack(redis.call('HGETALL', transfer)))
  end
  redis.call('ZREM', due, id)
end
return reply('IDLE')
