-- audit_failure: records a failed sign-in, at most max_of_network of one network within a minute and max_failures of all.
-- Those beyond are counted, and the next one that is recorded has the count.
-- KEYS: failures
-- ARGV: network max_of_network max_failures
-- Replies:
--   RECORDED
--   COUNTED, not recorded
local minute = string.format('%.0f', math.floor(redis.call('TIME')[1] / 60))
local counted = redis.call('HMGET', failures, 'minute', 'recorded', 'unrecorded', 'of ' .. network)
local unrecorded = counted[3] or '0'
if counted[1] ~= minute then
  redis.call('UNLINK', failures)
  redis.call('HSET', failures, 'minute', minute, 'unrecorded', unrecorded)
  redis.call('EXPIRE', failures, 86400)
  counted = {}
end
if tonumber(counted[2] or 0) >= tonumber(max_failures) or tonumber(counted[4] or 0) >= tonumber(max_of_network) then
  redis.call('HINCRBY', failures, 'unrecorded', 1)
  return reply('COUNTED')
end
-- Fields: one for each network of the minute, so max_failures at most.
redis.call('HINCRBY', failures, 'recorded', 1)
redis.call('HINCRBY', failures, 'of ' .. network, 1)
if unrecorded ~= '0' then
  redis.call('HSET', failures, 'unrecorded', '0')
  record_change('unrecorded', cjson.null, unrecorded)
end
return answer('RECORDED')
