-- rate_limit: whether a rate limit admits one more call, by GCRA: `stored` is when, in microseconds, all calls so far
-- would have come one interval apart. A key has this one value, and expires when it no longer limits.
-- Gives: rate_state charge_rate
local function rate_state(stored, interval, burst)
  local time = redis.call('TIME')
  local now, tolerance = time[1] * 1000000 + time[2], interval * burst
  -- More than the tolerance comes of another primary's clock, or of a limit that was higher: it counts as that much.
  local due_at = math.min(math.max(tonumber(stored or 0), now), now + tolerance) + interval
  local is_admitted = due_at <= now + tolerance
  return {
    is_admitted = is_admitted,
    due_at = due_at,
    remaining = is_admitted and math.floor((now + tolerance - due_at) / interval) or 0,
    -- Until the whole burst is there again; of a refusal, until one call is admitted.
    reset_us = is_admitted and due_at - now or due_at - now - tolerance,
    expiry_ms = math.ceil((due_at - now) / 1000),
  }
end

-- A node that takes no writes admits the call uncharged.
local function charge_rate(key, state)
  redis.pcall('SET', key, string.format('%.0f', state.due_at), 'PX', state.expiry_ms)
end
