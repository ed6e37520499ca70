-- user_creation: stores a user whose email address is not taken.
-- Needs: id user emails users users_by_email staff email_key role fields
-- Gives: create_user
-- Returns whether the address was free.
local function create_user()
  if redis.call('HSETNX', emails, email_key, id) == 0 then
    return false
  end
  redis.call('HSET', user, unpack(cjson.decode(fields)))
  redis.call('ZADD', users, 0, id)
  redis.call('ZADD', users_by_email, 0, email_key .. '\0' .. id)
  if role == 'staff' then
    redis.call('SADD', staff, id)
  end
  emit('user.registered', id, {role = role})
  return true
end
