-- shipping_method_delete: deletes a shipping method. Purchases have copied what they need of it.
-- KEYS: shipping_method shipping_methods
-- ARGV: code if_match
-- Uses: precondition
-- Replies:
--   DELETED
--   PRECONDITION_FAILED version
--   NOT_FOUND, not recorded
local version = redis.call('HGET', shipping_method, 'version')
if not version then
  return reply('NOT_FOUND')
end
local refusal = failed_precondition(version)
if refusal then
  return refusal
end
redis.call('UNLINK', shipping_method)
redis.call('ZREM', shipping_methods, code)
emit('shipping_method.deleted', code, {version = tonumber(version)})
return answer('DELETED')
