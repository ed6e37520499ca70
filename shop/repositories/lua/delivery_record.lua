-- delivery_record: records what came of claimed deliveries, and ends the claim.
-- KEYS: deliveries_due deliveries_dead
-- ARGV: endpoint claim attempts pause_ms endpoint_prefix delivery_prefix
-- Uses: deliveries delivery_end
-- Replies:
--   RECORDED dead              how many deliveries were given up
--   CLAIM_LOST, not recorded
-- Deliveries that are given up at once behind an endpoint that has taken nothing for as long as they are tried.
local MAX_BURIED, DELIVERED_MS = 200, 7 * 86400000
local key, queue, now, dead = endpoint_prefix .. endpoint, queue_of(endpoint), now_ms(), 0
if redis.call('HGET', key, 'claim') ~= claim then
  return reply('CLAIM_LOST')
end

local function give_up(event)
  redis.call('ZREM', queue, event)
  bury(endpoint, event, now)
  dead = dead + 1
end

local function record(attempt)
  local delivery = delivery_prefix .. endpoint .. ':' .. attempt.event
  local status, give_up_at = unpack(redis.call('HMGET', delivery, 'status', 'give_up_at'))
  if status ~= 'pending' then
    return
  end
  redis.call('HINCRBY', delivery, 'attempts', 1)
  redis.call('HSET', delivery, 'attempted_at', string.format('%.0f', now), 'error', attempt.error, 'response_status',
    attempt.response_status, 'duration_ms', attempt.duration_ms)
  if attempt.error == '' then
    redis.call('HSET', delivery, 'status', 'delivered')
    redis.call('PEXPIRE', delivery, DELIVERED_MS)
    redis.call('ZREM', queue, attempt.event)
  elseif now >= tonumber(give_up_at) then
    give_up(attempt.event)
  else
    -- Before it is given up, it is tried once more.
    local due_at = math.min(now + attempt.retry_ms, tonumber(give_up_at))
    redis.call('ZADD', queue, 'XX', string.format('%.0f', due_at), attempt.event)
  end
end

-- Bound: the deliveries of a claim, see delivery_claim.
for _, attempt in ipairs(cjson.decode(attempts)) do
  record(attempt)
end
if tonumber(pause_ms) > 0 then
  redis.call('HINCRBY', key, 'failures', 1)
  redis.call('HSETNX', key, 'failing_since', string.format('%.0f', now))
  redis.call('HSET', key, 'not_before', string.format('%.0f', now + pause_ms))
  -- Bound: MAX_BURIED.
  for _, event in ipairs(redis.call('ZRANGE', queue, 0, MAX_BURIED - 1)) do
    local until_ms = redis.call('HGET', delivery_prefix .. endpoint .. ':' .. event, 'give_up_at')
    if now > tonumber(until_ms or now) then
      give_up(event)
    end
  end
elseif attempts ~= '[]' then
  redis.call('HDEL', key, 'failures', 'failing_since')
end
if tonumber(pause_ms) == 0 then
  redis.call('HDEL', key, 'not_before')
end
redis.call('HDEL', key, 'claim')
schedule(endpoint)
return answer('RECORDED', tostring(dead))
