-- deliveries: each endpoint has a queue of deliveries by the time at which they are due, and an entry in deliveries_due
-- by the time at which the first of them is. An endpoint that is claimed, or pauses, is not due before `not_before`; one
-- that is disabled is not due at all.
-- Needs: endpoint_prefix deliveries_due
-- Gives: now_ms queue_of schedule
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function queue_of(endpoint)
  return endpoint_prefix .. endpoint .. ':queue'
end

local function schedule(endpoint)
  local first = redis.call('ZRANGE', queue_of(endpoint), 0, 0, 'WITHSCORES')
  local not_before, is_enabled = unpack(redis.call('HMGET', endpoint_prefix .. endpoint, 'not_before', 'is_enabled'))
  if not first[1] or is_enabled == '0' then
    redis.call('ZREM', deliveries_due, endpoint)
    return
  end
  local due_at = math.max(tonumber(first[2]), tonumber(not_before or 0))
  redis.call('ZADD', deliveries_due, string.format('%.0f', due_at), endpoint)
end
