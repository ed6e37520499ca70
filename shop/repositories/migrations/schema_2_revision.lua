-- The counter goes on under its new name. Under the former one remains a hash, which never expires: an instance of
-- schema 1 that is still running, or is started again, cannot count on it, so none of its writes takes effect.
local former_key, key = tag .. former, tag .. present
if redis.call('TYPE', former_key).ok ~= 'string' then
  return done_until('0', 0)
end
local counts = redis.call('MGET', former_key, key)
local count = math.max(tonumber(counts[1]), tonumber(counts[2] or '0'))
redis.call('SET', key, string.format('%.0f', count))
redis.call('DEL', former_key)
redis.call('HSET', former_key, 'renamed_to', present)
return done_until('0', 1)
