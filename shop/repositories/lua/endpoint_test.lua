-- endpoint_test: emits an event that this webhook endpoint alone gets.
-- KEYS: endpoint
-- ARGV: id
-- Replies:
--   EMITTED
--   NOT_FOUND, not recorded
if redis.call('EXISTS', endpoint) == 0 then
  return reply('NOT_FOUND')
end
emit('webhook.test', id, {})
return answer('EMITTED')
