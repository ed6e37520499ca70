-- token_issue: makes a token, stored under the digest of its secret.
-- KEYS: user token tokens
-- ARGV: id checked_hash digest at expires_at sealed
-- Replies:
--   ISSUED expires_at sealed
--   NOT_FOUND, not recorded    no user of this id has the password hash that was checked
if redis.call('HGET', user, 'password') ~= checked_hash then
  return reply('NOT_FOUND')
end
redis.call('HSET', token, 'user', id)
redis.call('PEXPIREAT', token, expires_at)
redis.call('ZREMRANGEBYSCORE', tokens, '-inf', at)
redis.call('ZADD', tokens, expires_at, digest)
redis.call('PEXPIREAT', tokens, expires_at)
return answer('ISSUED', expires_at, sealed)
