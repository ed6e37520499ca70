-- api_key_revoke: removes an API key.
-- KEYS: api_key api_keys
-- ARGV: id
-- Replies:
--   REVOKED
--   NOT_FOUND, not recorded
if redis.call('DEL', api_key) == 0 then
  return reply('NOT_FOUND')
end
redis.call('ZREM', api_keys, id)
return answer('REVOKED')
