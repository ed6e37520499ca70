-- rate_limit: whether a rate limit admits one more call, by GCRA: `stored` is when, in microseconds, all calls so far
-- would have come one interval apart. A key has this one value, and expires when it no longer limits. The engine's own
-- scripts use rate_state and charge_rate.
-- Gives: rate_reply
local function rate_state(stored, interval, burst)
  local time = redis.call('TIME')
  local now, tolerance = time[1] * 1000000 + time[2], interval * burst
  -- More than the tolerance comes of another primary's clock, or of a limit that was higher: it counts as that much.
  local due_at = math.min(math.max(tonumber(stored or 0), now), now + tolerance) + interval
  local is_admitted = due_at <= now + tolerance
  return {
    is_admitted = is_admitted,
    due_at = due_at,
    expiry_ms = math.ceil((due_at - now) / 1000),
    -- Whether it is admitted, how many more are, and the microseconds until the whole burst is there again; of a
    -- refusal, until one is admitted.
    reply = is_admitted and {1, math.floor((now + tolerance - due_at) / interval), due_at - now}
      or {0, 0, due_at - now - tolerance},
  }
end

-- A node that takes no writes admits the call uncharged.
local function charge_rate(key, state)
  redis.pcall('SET', key, string.format('%.0f', state.due_at), 'PX', state.expiry_ms)
end

-- The state after one more call; nothing where there is no limit.
local function rate_reply(key, interval, burst)
  if tonumber(interval) == 0 then
    return {}
  end
  local state = rate_state(redis.call('GET', key), tonumber(interval), tonumber(burst))
  if state.is_admitted then
    charge_rate(key, state)
  end
  return state.reply
end
