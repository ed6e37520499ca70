-- reset_confirm: replaces a password by a token from a mail, ends every such token, and revokes the tokens of the user.
-- KEYS: user tokens resets
-- ARGV: base digest at password_hash token_prefix revoked_for
-- Uses: version_check token_revocation
-- Replies:
--   PASSWORD_SET
--   CHANGED, not recorded      another password came between; check that one
--   INVALID_TOKEN, not recorded
local fields = redis.call('HMGET', user, 'password', 'role')
local checked, role = fields[1], fields[2]
if not checked then
  return reply('INVALID_TOKEN')
end
local changed = changed_meanwhile(checked)
if changed then
  return changed
end
local expires_at = redis.call('ZSCORE', resets, digest)
if not expires_at or tonumber(expires_at) <= tonumber(at) then
  return reply('INVALID_TOKEN')
end
redis.call('HSET', user, 'password', password_hash)
redis.call('UNLINK', resets)
revoke_tokens_except('', role)
return answer('PASSWORD_SET')
