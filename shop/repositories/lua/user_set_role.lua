-- user_set_role: gives a user a role, and leaves somebody who may run the shop.
-- KEYS: user staff requests
-- ARGV: id role at
-- Replies:
--   ROLE_SET user...           the user's fields and values
--   LAST_STAFF
--   NOT_FOUND, not recorded
local old = redis.call('HGET', user, 'role')
if not old then
  return reply('NOT_FOUND')
end
if old ~= role then
  if old == 'staff' and redis.call('SCARD', staff) == 1 then
    return answer('LAST_STAFF')
  end
  redis.call(role == 'staff' and 'SADD' or 'SREM', staff, id)
  redis.call('HSET', user, 'role', role, 'updated_at', at)
  redis.call('HINCRBY', user, 'version', 1)
end
redis.call('SADD', requests, request)
redis.call('EXPIRE', requests, 90000)
return answer('ROLE_SET', unpack(redis.call('HGETALL', user)))
