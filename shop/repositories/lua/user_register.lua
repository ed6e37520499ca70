-- user_register: makes a user whose email address is not taken.
-- KEYS: user emails users users_by_email staff
-- ARGV: id email_key role fields
-- Uses: user_creation
-- Subject: id
-- Replies:
--   REGISTERED user...         the user's fields and values
--   EMAIL_TAKEN
if not create_user() then
  return refuse('EMAIL_TAKEN')
end
return answer_about(id, 'REGISTERED', unpack(redis.call('HGETALL', user)))
