-- api_key_caller: the state of the rate limit, and the fields and values of an API key. It is charged where the secret
-- with this digest is, or was, one of the key.
-- KEYS: api_key
-- ARGV: id digest rate_prefix rate_interval_us rate_burst
-- Uses: rate_limit
local digests = redis.call('HMGET', api_key, 'digest', 'former_digest')
local is_known = digests[1] == digest or digests[2] == digest
return {is_known and rate_reply(rate_prefix .. id, rate_interval_us, rate_burst) or {}, redis.call('HGETALL', api_key)}
