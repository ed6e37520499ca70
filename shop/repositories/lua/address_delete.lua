-- address_delete: deletes an address of a user. The default that is deleted has no successor.
-- KEYS: addresses
-- ARGV: id address_id if_match
-- Uses: precondition
-- Replies:
--   DELETED
--   PRECONDITION_FAILED version
--   NOT_FOUND, not recorded
local present, default = unpack(redis.call('HMGET', addresses, address_id, 'default'))
if not present then
  return reply('NOT_FOUND')
end
local refusal = failed_precondition(cjson.decode(present).version)
if refusal then
  return refusal
end
redis.call('HDEL', addresses, address_id)
if default == address_id then
  redis.call('HDEL', addresses, 'default')
end
emit('user.addresses_changed', id, {address = address_id})
return answer('DELETED')
