-- token_caller: the state of the rate limit, the id and the role of the user whom a token stands for, and when it was last used or made; nothing where
-- it stands for none, which is not charged. A revoked token stands for its user in the very request that revoked it.
-- KEYS: token tokens_not_before
-- ARGV: digest request_id user_prefix rate_prefix rate_interval_us rate_burst
-- Uses: rate_limit
local fields = redis.call('HMGET', token, 'user', 'revoked_by', 'role', 'last_used_at', 'created_at')
local user, revoked_by, role, created_at = fields[1], fields[2], fields[3], fields[5]
if not user or (revoked_by and revoked_by ~= request_id) then
  return {{}}
end
if tonumber(created_at or 0) < tonumber(redis.call('GET', tokens_not_before) or 0) then
  return {{}}
end
if not revoked_by then
  -- One that is not among the user's tokens was revoked together with many others.
  role = redis.call('ZSCORE', user_prefix .. user .. ':tokens', digest)
    and redis.call('HGET', user_prefix .. user, 'role')
end
if not role then
  return {{}}
end
return {rate_reply(rate_prefix .. user, rate_interval_us, rate_burst), user, role, fields[4] or created_at or ''}
