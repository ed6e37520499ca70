-- endpoint_create: stores a webhook endpoint, unless the shop has as many as it may.
-- KEYS: endpoint endpoints
-- ARGV: id fields max_endpoints
-- Replies:
--   CREATED endpoint...        the endpoint's fields and values
--   TOO_MANY
if redis.call('ZCARD', endpoints) >= tonumber(max_endpoints) then
  return refuse('TOO_MANY')
end
redis.call('HSET', endpoint, unpack(cjson.decode(fields)))
redis.call('ZADD', endpoints, 0, id)
emit('webhook_endpoint.created', id, {})
return answer('CREATED', unpack(redis.call('HGETALL', endpoint)))
