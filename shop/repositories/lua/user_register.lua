-- user_register: makes a user whose address nobody has.
-- KEYS: user emails users users_by_email staff requests
-- ARGV: id email_key role fields
-- Replies:
--   REGISTERED user...         the user's fields and values
--   EMAIL_TAKEN
if redis.call('HSETNX', emails, email_key, id) == 0 then
  return answer('EMAIL_TAKEN')
end
redis.call('HSET', user, unpack(cjson.decode(fields)))
redis.call('ZADD', users, 0, id)
redis.call('ZADD', users_by_email, 0, email_key .. '\0' .. id)
if role == 'staff' then
  redis.call('SADD', staff, id)
end
redis.call('SADD', requests, request)
redis.call('EXPIRE', requests, 90000)
return answer('REGISTERED', unpack(redis.call('HGETALL', user)))
