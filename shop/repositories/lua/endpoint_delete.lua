-- endpoint_delete: removes a webhook endpoint with its queue and its list. Records of its deliveries expire.
-- KEYS: endpoint endpoints queue list deliveries_due
-- ARGV: id
-- Replies:
--   DELETED
--   NOT_FOUND, not recorded
if redis.call('ZREM', endpoints, id) == 0 then
  return reply('NOT_FOUND')
end
redis.call('UNLINK', endpoint, queue, list)
redis.call('ZREM', deliveries_due, id)
emit('webhook_endpoint.deleted', id, {})
return answer('DELETED')
