-- token_issue: makes a token under its name, which is a hash of its secret.
-- KEYS: user token tokens
-- ARGV: id checked name at expires_at
-- Replies:
--   ISSUED expires_at
--   NOT_FOUND, not recorded    nobody of this id has the password that was checked
if redis.call('HGET', user, 'password') ~= checked then
  return reply('NOT_FOUND')
end
redis.call('HSET', token, 'user', id)
redis.call('PEXPIREAT', token, expires_at)
redis.call('ZREMRANGEBYSCORE', tokens, '-inf', at)
redis.call('ZADD', tokens, expires_at, name)
redis.call('PEXPIREAT', tokens, expires_at)
return answer('ISSUED', expires_at)
