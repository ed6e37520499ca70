-- delivery_redeliver: makes a delivery due now, whatever came of it, and for as long as a new one.
-- KEYS: endpoint_key delivery deliveries_due deliveries_dead
-- ARGV: endpoint event retry_window_ms endpoint_prefix
-- Uses: deliveries
-- Replies:
--   REDELIVERED delivery...    the delivery's fields and values
--   NOT_FOUND, not recorded
local STORED_MS = 30 * 86400000
-- The queue of mails is always there; its hash is there only while something holds it up.
local has_queue = endpoint == 'mail' or redis.call('EXISTS', endpoint_key) == 1
if not has_queue or redis.call('EXISTS', delivery) == 0 then
  return reply('NOT_FOUND')
end
local now = now_ms()
local give_up_at = string.format('%.0f', now + retry_window_ms)
redis.call('HSET', delivery, 'status', 'pending', 'give_up_at', give_up_at)
redis.call('PEXPIRE', delivery, STORED_MS)
redis.call('ZADD', queue_of(endpoint), string.format('%.0f', now), event)
redis.call('ZREM', deliveries_dead, endpoint .. ':' .. event)
schedule(endpoint)
return answer('REDELIVERED', unpack(redis.call('HGETALL', delivery)))
