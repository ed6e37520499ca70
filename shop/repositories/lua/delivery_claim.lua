-- delivery_claim: claims due deliveries of the queue that has been due for longest. No other claim gets any of that queue
-- until this one is recorded, or its lease is over. Of an endpoint that fails, one delivery is tried.
-- KEYS: deliveries_due
-- ARGV: max_deliveries lease_ms endpoint_prefix delivery_prefix
-- Uses: deliveries
-- Replies:
--   CLAIMED queue endpoint delivery...   fields and values of the endpoint, and of each delivery, as JSON lists
--   IDLE, not recorded
local now = now_ms()
local endpoint = redis.call('ZRANGE', deliveries_due, '-inf', string.format('%.0f', now), 'BYSCORE', 'LIMIT', 0, 1)[1]
if not endpoint then
  return reply('IDLE')
end
local key, queue = endpoint_prefix .. endpoint, queue_of(endpoint)
local is_failing = redis.call('HEXISTS', key, 'failing_since') == 1
local wanted = is_failing and 1 or max_deliveries
local due = redis.call('ZRANGE', queue, '-inf', string.format('%.0f', now), 'BYSCORE', 'LIMIT', 0, wanted)
local claimed = {}
-- Bound: max_deliveries.
for _, event in ipairs(due) do
  local fields = redis.call('HGETALL', delivery_prefix .. endpoint .. ':' .. event)
  if fields[1] then
    claimed[#claimed + 1] = cjson.encode(fields)
  else
    -- Its record has expired.
    redis.call('ZREM', queue, event)
  end
end
redis.call('HSET', key, 'claim', request_id, 'not_before', string.format('%.0f', now + lease_ms))
schedule(endpoint)
return answer('CLAIMED', endpoint, cjson.encode(redis.call('HGETALL', key)), unpack(claimed))
