-- user_delete: erases a user, in steps of which this is the first. It erases the personal data, and hides the user
-- from the recorded outcomes and purchases that user_erase goes through. The user's tokens let this very request
-- through for a repeat.
-- KEYS: user emails users users_by_email staff tokens resets addresses registrations user_carts user_returns user_purchases erasing_purchases erasures transfers_stored transfers_due
-- ARGV: id if_match cart_prefix token_prefix registration_prefix statuses revoked_for transfer_prefix
-- Uses: precondition token_revocation outcome_erasure user_erasure transfer_erasure
-- Replies:
--   DELETED
--   LAST_STAFF
--   PRECONDITION_FAILED version
--   NOT_FOUND, not recorded
local MAX_CARTS = 10
local fields = redis.call('HMGET', user, 'version', 'email_key', 'role')
local version, email_key, role = fields[1], fields[2], fields[3]
if not version then
  return reply('NOT_FOUND')
end
local failed = failed_precondition(version)
if failed then
  return failed
end
if role == 'staff' and redis.call('SCARD', staff) == 1 then
  return refuse('LAST_STAFF')
end
revoke_tokens_except('', role)
-- Registrations of the address that were never confirmed are about the same person.
local locator = redis.sha1hex(email_key)
-- Bound: the carts of a user, 10. What they hold ends by itself.
for _, cart in ipairs(redis.call('ZRANGE', user_carts, 0, MAX_CARTS - 1)) do
  redis.call('UNLINK', cart_prefix .. cart)
end
redis.call('UNLINK', user, tokens, resets, addresses, user_carts, user_returns, registration_prefix .. locator)
redis.call('ZREM', registrations, locator)
redis.call('HDEL', emails, email_key)
redis.call('ZREM', users, id)
redis.call('ZREM', users_by_email, email_key .. '\0' .. id)
redis.call('SREM', staff, id)
if begin_erasure() then
  redis.call('ZADD', erasures, redis.call('TIME')[1], id)
end
drop_personal_exports()
emit('user.erased', id, {role = role})
return answer('DELETED')
