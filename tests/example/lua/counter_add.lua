-- counter_add: adds to a counter that never falls below zero.
-- KEYS: counter
-- ARGV: amount
-- Replies:
--   ADDED value
--   TOO_LOW value
local value = tonumber(redis.call('GET', counter) or '0')
if value + amount < 0 then
  return refuse('TOO_LOW', tostring(value))
end
return answer('ADDED', tostring(redis.call('INCRBY', counter, amount)))
