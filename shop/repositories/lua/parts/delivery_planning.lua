-- delivery_planning: plans the delivery of an event to an endpoint. It has what the event says: the stream of events is
-- bounded, and may have lost the event when the delivery is tried again.
-- Needs: endpoint_prefix delivery_prefix queue_of retry_window_ms max_pending max_listed
-- Gives: plan_delivery
local STORED_MS, MAX_DROPPED = 30 * 86400000, 4

-- The oldest leave a list that is full. Those that wait still are delivered, and are not listed.
local function bound_list(endpoint, list)
  if redis.call('ZCARD', list) <= tonumber(max_listed) then
    return
  end
  -- Bound: MAX_DROPPED.
  for _, event in ipairs(redis.call('ZRANGE', list, 0, MAX_DROPPED - 1)) do
    redis.call('ZREM', list, event)
    if not redis.call('ZSCORE', queue_of(endpoint), event) then
      redis.call('UNLINK', delivery_prefix .. endpoint .. ':' .. event)
    end
  end
end

-- Whether it was planned. Where `max_pending` deliveries wait, nothing is stored: an endpoint that takes nothing must
-- not fill the store. `event` has type, object, data and request, by name.
local function plan_delivery(endpoint, id, event, now)
  if redis.call('ZCARD', queue_of(endpoint)) >= tonumber(max_pending) then
    return false
  end
  local key, list = delivery_prefix .. endpoint .. ':' .. id, endpoint_prefix .. endpoint .. ':deliveries'
  local at, give_up_at = string.format('%.0f', now), string.format('%.0f', now + retry_window_ms)
  redis.call('HSET', key, 'endpoint', endpoint, 'event', id, 'type', event.type, 'object', event.object, 'data',
    event.data, 'request', event.request, 'status', 'pending', 'attempts', 0, 'created_at', at, 'give_up_at',
    give_up_at)
  redis.call('PEXPIRE', key, STORED_MS)
  redis.call('ZADD', list, 0, id)
  bound_list(endpoint, list)
  redis.call('ZADD', queue_of(endpoint), at, id)
  return true
end
