-- user_set_role: gives a user a role. One user with the role of staff always remains.
-- KEYS: user staff
-- ARGV: id role at
-- Subject: id
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
    return refuse('LAST_STAFF')
  end
  redis.call(role == 'staff' and 'SADD' or 'SREM', staff, id)
  redis.call('HSET', user, 'role', role, 'updated_at', at)
  redis.call('HINCRBY', user, 'version', 1)
  record_change('role', old, role)
  emit('user.role_set', id, {role = role})
end
return answer_about(id, 'ROLE_SET', unpack(redis.call('HGETALL', user)))
