-- api_key_roll: gives an API key a new secret. The present one becomes the former one, the one before that ends.
-- KEYS: api_key
-- ARGV: digest sealed former_expires_at expires_at
-- Replies:
--   ROLLED sealed key...       the sealed secret, then the key's fields and values
--   NOT_FOUND, not recorded
local present = redis.call('HGET', api_key, 'digest')
if not present then
  return reply('NOT_FOUND')
end
redis.call('HSET', api_key, 'digest', digest, 'former_digest', present, 'former_expires_at', former_expires_at)
if expires_at ~= '' then
  redis.call('HSET', api_key, 'expires_at', expires_at)
end
return answer('ROLLED', sealed, unpack(redis.call('HGETALL', api_key)))
