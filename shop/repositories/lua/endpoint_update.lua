-- endpoint_update: sets fields of a webhook endpoint. What waits for one that is disabled waits on.
-- KEYS: endpoint deliveries_due
-- ARGV: id fields endpoint_prefix
-- Uses: deliveries
-- Replies:
--   UPDATED endpoint...        the endpoint's fields and values
--   NOT_FOUND, not recorded
if redis.call('EXISTS', endpoint) == 0 then
  return reply('NOT_FOUND')
end
redis.call('HSET', endpoint, unpack(cjson.decode(fields)))
schedule(id)
emit('webhook_endpoint.updated', id, {})
return answer('UPDATED', unpack(redis.call('HGETALL', endpoint)))
