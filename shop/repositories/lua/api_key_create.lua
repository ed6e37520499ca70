-- api_key_create: stores an API key under the digest of its secret, unless the shop has as many as it may.
-- KEYS: api_key api_keys
-- ARGV: id fields sealed max_keys
-- Replies:
--   CREATED sealed key...      the sealed secret, then the key's fields and values
--   TOO_MANY
if redis.call('ZCARD', api_keys) >= tonumber(max_keys) then
  return refuse('TOO_MANY')
end
redis.call('HSET', api_key, unpack(cjson.decode(fields)))
redis.call('ZADD', api_keys, 0, id)
return answer('CREATED', sealed, unpack(redis.call('HGETALL', api_key)))
