-- delivery_end: ends deliveries. A record outlives its delivery by some days, so that it can be looked at, and asked for
-- again.
-- Needs: delivery_prefix deliveries_dead
-- Gives: STORED_MS bury
local STORED_MS = 30 * 86400000
-- Dead deliveries that are counted.
local MAX_DEAD = 10000

-- Gives a delivery up.
local function bury(endpoint, event, now)
  local id = endpoint .. ':' .. event
  redis.call('HSET', delivery_prefix .. id, 'status', 'dead')
  redis.call('PEXPIRE', delivery_prefix .. id, STORED_MS)
  redis.call('ZADD', deliveries_dead, string.format('%.0f', now), id)
  redis.call('ZREMRANGEBYSCORE', deliveries_dead, '-inf', string.format('%.0f', now - STORED_MS))
  if redis.call('ZCARD', deliveries_dead) > MAX_DEAD then
    redis.call('ZPOPMIN', deliveries_dead)
  end
end
