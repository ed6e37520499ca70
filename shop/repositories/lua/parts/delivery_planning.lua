-- delivery_planning: plans the delivery of an event to an endpoint. It has what the event says: the stream of events is
-- bounded, and may have lost the event when the delivery is tried again.
-- Needs: endpoint_prefix delivery_prefix queue_of bury STORED_MS retry_window_ms
-- Gives: plan_delivery
-- Deliveries of one endpoint that may wait, and that are listed. Beyond the first, one is dead at once; beyond the second,
-- the oldest leave the list, unless they wait still.
local MAX_PENDING, MAX_LISTED, MAX_DROPPED = 20000, 40000, 4

local function bound_list(endpoint, list)
  if redis.call('ZCARD', list) <= MAX_LISTED then
    return
  end
  -- Bound: MAX_DROPPED.
  for _, event in ipairs(redis.call('ZRANGE', list, 0, MAX_DROPPED - 1)) do
    if not redis.call('ZSCORE', queue_of(endpoint), event) then
      redis.call('ZREM', list, event)
      redis.call('UNLINK', delivery_prefix .. endpoint .. ':' .. event)
    end
  end
end

-- `event` has type, object, data and request, by name.
local function plan_delivery(endpoint, id, event, now)
  local key, list = delivery_prefix .. endpoint .. ':' .. id, endpoint_prefix .. endpoint .. ':deliveries'
  local at, give_up_at = string.format('%.0f', now), string.format('%.0f', now + retry_window_ms)
  redis.call('HSET', key, 'endpoint', endpoint, 'event', id, 'type', event.type, 'object', event.object, 'data',
    event.data, 'request', event.request, 'status', 'pending', 'attempts', 0, 'created_at', at, 'give_up_at',
    give_up_at)
  redis.call('PEXPIRE', key, STORED_MS)
  redis.call('ZADD', list, 0, id)
  bound_list(endpoint, list)
  if redis.call('ZCARD', queue_of(endpoint)) >= MAX_PENDING then
    redis.call('HSET', key, 'error', 'too-many-pending')
    return bury(endpoint, id, now)
  end
  redis.call('ZADD', queue_of(endpoint), at, id)
end
