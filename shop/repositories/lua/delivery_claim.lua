-- delivery_claim: claims due deliveries of the queue that has been due for longest. No other claim gets any of that queue
-- until this one is recorded, or its lease is over. Of an endpoint that fails, one delivery is tried: of those at
-- both ends of what is due one with the fewest attempts, so that events that a receiver never takes hold up no others.
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
local MAX_PROBED = 20

local function due_first(count)
  return redis.call('ZRANGE', queue, '-inf', string.format('%.0f', now), 'BYSCORE', 'LIMIT', 0, count)
end

local function due_last(count)
  return redis.call('ZRANGE', queue, string.format('%.0f', now), '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, count)
end

-- The first of `candidates` with the fewest attempts; a record that has expired has none.
local function fewest_attempts(candidates)
  local least, chosen = math.huge, {}
  -- Bound: twice MAX_PROBED.
  for _, event in ipairs(candidates) do
    local attempts = tonumber(redis.call('HGET', delivery_prefix .. endpoint .. ':' .. event, 'attempts') or 0)
    if attempts < least then
      least, chosen = attempts, {event}
    end
  end
  return chosen
end

local function probe()
  local candidates = due_last(MAX_PROBED)
  -- Bound: MAX_PROBED.
  for _, event in ipairs(due_first(MAX_PROBED)) do
    candidates[#candidates + 1] = event
  end
  return fewest_attempts(candidates)
end

local due = is_failing and probe() or due_first(max_deliveries)
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
