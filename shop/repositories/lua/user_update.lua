-- user_update: puts the next version of a user in the place of the version that it was made from.
-- KEYS: user emails users_by_email
-- ARGV: id base if_match email_key fields
-- Uses: precondition version_check
-- Subject: id
-- Replies:
--   UPDATED user...            the user's fields and values
--   EMAIL_TAKEN
--   PRECONDITION_FAILED version
--   CHANGED, not recorded      another version came between; make it anew
--   NOT_FOUND, not recorded
local present = redis.call('HMGET', user, 'version', 'email_key')
local version, old_key = present[1], present[2]
if not version then
  return reply('NOT_FOUND')
end
local refusal = failed_precondition(version) or changed_meanwhile(version)
if refusal then
  return refusal
end
if email_key ~= old_key then
  if redis.call('HSETNX', emails, email_key, id) == 0 then
    return refuse('EMAIL_TAKEN')
  end
  redis.call('HDEL', emails, old_key)
  redis.call('ZREM', users_by_email, old_key .. '\0' .. id)
  redis.call('ZADD', users_by_email, 0, email_key .. '\0' .. id)
end
redis.call('HSET', user, unpack(cjson.decode(fields)))
emit('user.updated', id, {version = version + 1})
return answer_about(id, 'UPDATED', unpack(redis.call('HGETALL', user)))
