-- token_revoke: revokes one token of a user, or all of them. A revoked token remembers for a while which request
-- revoked it, and lets that one through, so that its repeat finds its outcome.
-- KEYS: tokens
-- ARGV: names role token_prefix revoked_for
-- Replies:
--   REVOKED
local revoked = names == '' and redis.call('ZRANGE', tokens, 0, -1) or {names}
for _, name in ipairs(revoked) do
  local token = token_prefix .. name
  if redis.call('EXISTS', token) == 1 and redis.call('HSETNX', token, 'revoked_by', request_id) == 1 then
    redis.call('HSET', token, 'role', role)
    redis.call('EXPIRE', token, revoked_for)
  end
  redis.call('ZREM', tokens, name)
end
return answer('REVOKED')
