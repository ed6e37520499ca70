-- api_key_use: records when an API key was used.
-- KEYS: api_key
-- ARGV: at
-- Replies:
--   RECORDED
if redis.call('EXISTS', api_key) == 1 then
  redis.call('HSET', api_key, 'last_used_at', at)
end
return answer('RECORDED')
