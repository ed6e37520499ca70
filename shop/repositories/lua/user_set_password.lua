-- user_set_password: replaces the password hash that was checked by a new one, and revokes the other tokens.
-- KEYS: user tokens
-- ARGV: base password_hash current_token token_prefix revoked_for
-- Uses: version_check token_revocation
-- Replies:
--   PASSWORD_SET
--   CHANGED, not recorded      another password came between; check that one
--   NOT_FOUND, not recorded
local fields = redis.call('HMGET', user, 'password', 'role')
local checked, role = fields[1], fields[2]
if not checked then
  return reply('NOT_FOUND')
end
local changed = changed_meanwhile(checked)
if changed then
  return changed
end
redis.call('HSET', user, 'password', password_hash)
revoke_tokens_except(current_token, role)
return answer('PASSWORD_SET')
