-- reset_issue: makes a token with which a user sets a new password. Its digest is one of the secret, the present
-- address and the present password hash, so another address or another password ends it.
-- KEYS: user resets mails_of_pair mails_of_address mails_of_network
-- ARGV: checked_hash digest at expires_at sealed max_of_pair max_of_address max_of_network
-- Uses: mail_quota
-- Replies:
--   ISSUED sealed
--   LIMITED                    too many mails within the hour
--   NOT_FOUND, not recorded    no user has the password hash that was checked
if redis.call('HGET', user, 'password') ~= checked_hash then
  return reply('NOT_FOUND')
end
if not take_mail() then
  return answer('LIMITED')
end
redis.call('ZREMRANGEBYSCORE', resets, '-inf', at)
redis.call('ZADD', resets, expires_at, digest)
redis.call('PEXPIRE', resets, string.format('%.0f', expires_at - at))
return answer('ISSUED', sealed)
