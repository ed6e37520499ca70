-- address_set_default: makes an address the default of its user, in the place of another one.
-- KEYS: addresses
-- ARGV: id address_id
-- Subject: id
-- Replies:
--   ADDRESS stored default     the address as JSON, and the id of the default
--   NOT_FOUND, not recorded
local stored = redis.call('HGET', addresses, address_id)
if not stored then
  return reply('NOT_FOUND')
end
redis.call('HSET', addresses, 'default', address_id)
emit('user.addresses_changed', id, {address = address_id})
return answer_about(id, 'ADDRESS', stored, address_id)
