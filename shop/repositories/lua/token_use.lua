-- token_use: records when a token was used, unless it is revoked.
-- KEYS: token
-- ARGV: at
-- Replies:
--   RECORDED
local fields = redis.call('HMGET', token, 'user', 'revoked_by')
if fields[1] and not fields[2] then
  redis.call('HSET', token, 'last_used_at', at)
end
return answer('RECORDED')
