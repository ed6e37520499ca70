-- address_update: replaces a version of an address by the one that was made from it.
-- KEYS: addresses
-- ARGV: id address_id base if_match stored
-- Uses: precondition version_check
-- Subject: id
-- Replies:
--   ADDRESS stored default     the address as JSON, and the id of the default
--   PRECONDITION_FAILED version
--   CHANGED, not recorded      another version came between; make it anew
--   NOT_FOUND, not recorded
local present, default = unpack(redis.call('HMGET', addresses, address_id, 'default'))
if not present then
  return reply('NOT_FOUND')
end
local version = cjson.decode(present).version
local refusal = failed_precondition(version) or changed_meanwhile(version)
if refusal then
  return refusal
end
redis.call('HSET', addresses, address_id, stored)
emit('user.addresses_changed', id, {address = address_id})
return answer_about(id, 'ADDRESS', stored, default or '')
