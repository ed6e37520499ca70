-- user_delete: erases a user. Their purchases stay, anonymous; their tokens let this very request through for a repeat;
-- recorded outcomes that hold their data are erased.
-- KEYS: user emails users users_by_email staff tokens purchases
-- ARGV: id if_match token_prefix purchase_prefix statuses revoked_for
-- Uses: precondition token_revocation outcome_erasure
-- Replies:
--   DELETED
--   LAST_STAFF
--   PRECONDITION_FAILED version
--   NOT_FOUND, not recorded
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
  return answer('LAST_STAFF')
end
revoke_tokens_except('', role)
erase_outcomes(id)

for _, purchase_id in ipairs(redis.call('ZRANGE', purchases, 0, -1)) do
  local purchase = purchase_prefix .. purchase_id
  local history = cjson.decode(redis.call('HGET', purchase, 'history'))
  for _, event in ipairs(history) do
    if event[3] == id then
      event[3] = ''
    end
  end
  redis.call('HSET', purchase, 'user', '', 'history', cjson.encode(history))
end
for status in string.gmatch(statuses, '%S+') do
  redis.call('DEL', purchases .. ':' .. status)
end

redis.call('DEL', user, tokens, purchases)
redis.call('HDEL', emails, email_key)
redis.call('ZREM', users, id)
redis.call('ZREM', users_by_email, email_key .. '\0' .. id)
redis.call('SREM', staff, id)
return answer('DELETED')
