-- address_create: stores an address of a user, unless they have as many as they may. The first one becomes the default.
-- KEYS: user addresses
-- ARGV: id address_id stored is_default max_addresses
-- Subject: id
-- Replies:
--   ADDRESS stored default     the address as JSON, and the id of the default
--   TOO_MANY
--   NOT_FOUND, not recorded    the user is erased
if redis.call('EXISTS', user) == 0 then
  return reply('NOT_FOUND')
end
local default = redis.call('HGET', addresses, 'default')
if redis.call('HLEN', addresses) - (default and 1 or 0) >= tonumber(max_addresses) then
  return refuse('TOO_MANY')
end
if is_default == '1' or redis.call('HLEN', addresses) == 0 then
  default = address_id
end
redis.call('HSET', addresses, address_id, stored)
if default then
  redis.call('HSET', addresses, 'default', default)
end
emit('user.addresses_changed', id, {address = address_id})
return answer_about(id, 'ADDRESS', stored, default or '')
