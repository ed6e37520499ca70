-- registration_confirm: makes the user of a registration, and ends every registration of the address.
-- KEYS: user emails users users_by_email staff registration registrations
-- ARGV: id email_key role fields digest locator
-- Uses: user_creation
-- Subject: id
-- Replies:
--   REGISTERED user...         the user's fields and values
--   EMAIL_TAKEN
--   INVALID_TOKEN, not recorded
if redis.call('HEXISTS', registration, digest) == 0 then
  return reply('INVALID_TOKEN')
end
if not create_user() then
  return refuse('EMAIL_TAKEN')
end
redis.call('UNLINK', registration)
redis.call('ZREM', registrations, locator)
return answer_about(id, 'REGISTERED', unpack(redis.call('HGETALL', user)))
