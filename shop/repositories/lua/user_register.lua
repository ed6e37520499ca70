-- user_register: makes a user whose email address is not taken.
-- KEYS: user emails users users_by_email staff
-- ARGV: id email_key role fields
-- Subject: id
-- Replies:
--   REGISTERED user...         the user's fields and values
--   EMAIL_TAKEN
if redis.call('HSETNX', emails, email_key, id) == 0 then
  return refuse('EMAIL_TAKEN')
end
redis.call('HSET', user, unpack(cjson.decode(fields)))
redis.call('ZADD', users, 0, id)
redis.call('ZADD', users_by_email, 0, email_key .. '\0' .. id)
if role == 'staff' then
  redis.call('SADD', staff, id)
end
return answer_about(id, 'REGISTERED', unpack(redis.call('HGETALL', user)))
