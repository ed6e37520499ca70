-- user_update: puts the next version in the place of the version that it was made from.
-- KEYS: user emails users_by_email requests
-- ARGV: id base if_match email_key fields
-- Replies:
--   UPDATED user...            the user's fields and values
--   EMAIL_TAKEN
--   PRECONDITION_FAILED version
--   CHANGED, not recorded      another version came between; make it anew
--   NOT_FOUND, not recorded
local now = redis.call('HMGET', user, 'version', 'email_key')
local version, old_key = now[1], now[2]
if not version then
  return reply('NOT_FOUND')
end
if if_match ~= '' and if_match ~= version then
  return answer('PRECONDITION_FAILED', version)
end
if version ~= base then
  return reply('CHANGED')
end
if email_key ~= old_key then
  if redis.call('HSETNX', emails, email_key, id) == 0 then
    return answer('EMAIL_TAKEN')
  end
  redis.call('HDEL', emails, old_key)
  redis.call('ZREM', users_by_email, old_key .. '\0' .. id)
  redis.call('ZADD', users_by_email, 0, email_key .. '\0' .. id)
end
redis.call('HSET', user, unpack(cjson.decode(fields)))
redis.call('SADD', requests, request)
redis.call('EXPIRE', requests, 90000)
return answer('UPDATED', unpack(redis.call('HGETALL', user)))
