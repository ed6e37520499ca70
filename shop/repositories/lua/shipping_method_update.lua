-- shipping_method_update: replaces a version of a shipping method by the one that was made from it.
-- KEYS: shipping_method
-- ARGV: code base if_match fields
-- Uses: precondition version_check
-- Replies:
--   UPDATED method...          the method's fields and values
--   PRECONDITION_FAILED version
--   CHANGED, not recorded      another version came between; make it anew
--   NOT_FOUND, not recorded
local version = redis.call('HGET', shipping_method, 'version')
if not version then
  return reply('NOT_FOUND')
end
local refusal = failed_precondition(version) or changed_meanwhile(version)
if refusal then
  return refusal
end
redis.call('HSET', shipping_method, unpack(cjson.decode(fields)))
emit('shipping_method.updated', code, {version = version + 1})
return answer('UPDATED', unpack(redis.call('HGETALL', shipping_method)))
