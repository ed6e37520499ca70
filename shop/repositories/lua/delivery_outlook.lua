-- delivery_outlook: what is to be done: the time, the events that no delivery was planned of and the oldest of them, the
-- queues that are due and since when the first is, the dead deliveries, and of each queue the deliveries that wait, since
-- when its endpoint fails, and 0 where that is disabled.
-- KEYS: stream endpoints deliveries_due deliveries_dead
-- ARGV: max_endpoints endpoint_prefix
-- Uses: deliveries
local GROUP, MAIL = 'work', 'mail'

-- The position of the group in the stream, and how many events are behind it.
local function position()
  local groups = redis.call('EXISTS', stream) == 1 and redis.call('XINFO', 'GROUPS', stream) or {}
  -- Bound: the groups of the stream, of which the shop makes one.
  for _, flat in ipairs(groups) do
    local group = {}
    -- Bound: the fields of a group: six.
    for place = 1, #flat, 2 do
      group[flat[place]] = flat[place + 1]
    end
    if group.name == GROUP then
      return group['last-delivered-id'], group.lag
    end
  end
  return '0-0', nil
end

local function state_of(queue)
  local found = redis.call('HMGET', endpoint_prefix .. queue, 'failing_since', 'is_enabled')
  return {queue, redis.call('ZCARD', queue_of(queue)), found[1] or '', found[2] or ''}
end

local last, lag = position()
local oldest = redis.call('XRANGE', stream, '(' .. last, '+', 'COUNT', 1)[1]
local undispatched = oldest and (lag or redis.call('XLEN', stream)) or 0
local now = string.format('%.0f', now_ms())
local first_due = redis.call('ZRANGE', deliveries_due, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
local states = {state_of(MAIL)}
-- Bound: max_endpoints.
for _, id in ipairs(redis.call('ZRANGE', endpoints, 0, max_endpoints - 1)) do
  states[#states + 1] = state_of(id)
end
local due = redis.call('ZCOUNT', deliveries_due, '-inf', now)
return {now, undispatched, oldest and oldest[1] or '', due, first_due[2] or '', redis.call('ZCARD', deliveries_dead), states}
