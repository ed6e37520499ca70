-- endpoint_rotate: gives a webhook endpoint a new nonce. The present one becomes the former one, the one before that ends.
-- KEYS: endpoint
-- ARGV: id nonce former_expires_at at
-- Replies:
--   ROTATED endpoint...        the endpoint's fields and values
--   NOT_FOUND, not recorded
local present = redis.call('HGET', endpoint, 'nonce')
if not present then
  return reply('NOT_FOUND')
end
redis.call('HSET', endpoint, 'nonce', nonce, 'former_nonce', present, 'former_expires_at', former_expires_at,
  'updated_at', at)
emit('webhook_endpoint.secret_rotated', id, {})
return answer('ROTATED', unpack(redis.call('HGETALL', endpoint)))
