-- rate_admit: charges a call to all of its limits, or to none where one refuses it or the request is recorded. Replies
-- the state of each.
-- KEYS: request
-- ARGV: limits
-- Uses: rate_limit
if redis.call('EXISTS', request) == 1 then
  return {}
end
local calls, replies, is_admitted = {}, {}, true
-- Bound: the limits of one call, which the process sets: three.
for place, limit in ipairs(cjson.decode(limits)) do
  local key, interval, burst = unpack(limit)
  local state = rate_state(redis.call('GET', key), interval, burst)
  calls[place], replies[place] = {key, state}, state.reply
  is_admitted = is_admitted and state.is_admitted
end
if is_admitted then
  -- Bound: as above.
  for _, call in ipairs(calls) do
    charge_rate(unpack(call))
  end
end
return replies
