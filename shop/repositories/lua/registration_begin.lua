-- registration_begin: stores a registration until it is confirmed by a token from a mail, whether or not the address is
-- taken. Beyond max_of_email registrations of one address, the former ones end; beyond max_registrations, the addresses
-- whose registrations expire first.
-- KEYS: registration registrations mails_of_pair mails_of_address mails_of_network
-- ARGV: locator digest fields at expires_at sealed max_of_email max_registrations registration_prefix max_of_pair max_of_address max_of_network
-- Uses: mail_quota
-- Replies:
--   BEGUN sealed
--   LIMITED                    too many mails within the hour
local MAX_DROPPED = 10
if not take_mail() then
  return answer('LIMITED')
end
if redis.call('HLEN', registration) >= tonumber(max_of_email) then
  redis.call('UNLINK', registration)
end
redis.call('HSET', registration, digest, fields)
redis.call('PEXPIRE', registration, string.format('%.0f', expires_at - at))
redis.call('ZREMRANGEBYSCORE', registrations, '-inf', at)
redis.call('ZADD', registrations, expires_at, locator)
local surplus = redis.call('ZCARD', registrations) - max_registrations
if surplus > 0 then
  -- Bound: MAX_DROPPED. Each registration adds one; after max_registrations was lowered, each drops some more.
  for _, oldest in ipairs(redis.call('ZRANGE', registrations, 0, math.min(surplus, MAX_DROPPED) - 1)) do
    redis.call('UNLINK', registration_prefix .. oldest)
    redis.call('ZREM', registrations, oldest)
  end
end
return answer('BEGUN', sealed)
