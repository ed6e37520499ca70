-- user_set_password: keeps a new password in the place of the one that was checked; the other tokens are revoked.
-- KEYS: user tokens
-- ARGV: checked kept keep token_prefix revoked_for
-- Replies:
--   PASSWORD_SET
--   CHANGED, not recorded      another password came between; check that one
--   NOT_FOUND, not recorded
local now = redis.call('HMGET', user, 'password', 'role')
local password, role = now[1], now[2]
if not password then
  return reply('NOT_FOUND')
end
if password ~= checked then
  return reply('CHANGED')
end
redis.call('HSET', user, 'password', kept)
for _, name in ipairs(redis.call('ZRANGE', tokens, 0, -1)) do
  local token = token_prefix .. name
  if name ~= keep then
    if redis.call('EXISTS', token) == 1 and redis.call('HSETNX', token, 'revoked_by', request_id) == 1 then
      redis.call('HSET', token, 'role', role)
      redis.call('EXPIRE', token, revoked_for)
    end
    redis.call('ZREM', tokens, name)
  end
end
return answer('PASSWORD_SET')
