-- user_delete: erases a user. Their purchases stay, nobody's; their tokens let this very request through for a repeat;
-- outcomes that hold their data are replaced.
-- KEYS: user emails users users_by_email staff tokens requests purchases
-- ARGV: id if_match token_prefix purchase_prefix statuses revoked_for
-- Replies:
--   DELETED
--   LAST_STAFF
--   PRECONDITION_FAILED version
--   NOT_FOUND, not recorded
local now = redis.call('HMGET', user, 'version', 'email_key', 'role')
local version, email_key, role = now[1], now[2], now[3]
if not version then
  return reply('NOT_FOUND')
end
if if_match ~= '' and if_match ~= version then
  return answer('PRECONDITION_FAILED', version)
end
if role == 'staff' and redis.call('SCARD', staff) == 1 then
  return answer('LAST_STAFF')
end

for _, name in ipairs(redis.call('ZRANGE', tokens, 0, -1)) do
  local token = token_prefix .. name
  if redis.call('EXISTS', token) == 1 and redis.call('HSETNX', token, 'revoked_by', request_id) == 1 then
    redis.call('HSET', token, 'role', role)
    redis.call('EXPIRE', token, revoked_for)
  end
end

for _, record in ipairs(redis.call('SMEMBERS', requests)) do
  local text = redis.call('GET', record)
  if text then
    local first = cjson.decode(text)
    first.outcome = {'ERASED'}
    redis.call('SET', record, cjson.encode(first), 'KEEPTTL')
  end
end

for _, purchase_id in ipairs(redis.call('ZRANGE', purchases, 0, -1)) do
  local purchase = purchase_prefix .. purchase_id
  local history = cjson.decode(redis.call('HGET', purchase, 'history'))
  for _, event in ipairs(history) do
    if event[3] == id then
      event[3] = ''
    end
  end
  redis.call('HSET', purchase, 'user', '', 'history', cjson.encode(history))
end
for status in string.gmatch(statuses, '%S+') do
  redis.call('DEL', purchases .. ':' .. status)
end

redis.call('DEL', user, tokens, requests, purchases)
redis.call('HDEL', emails, email_key)
redis.call('ZREM', users, id)
redis.call('ZREM', users_by_email, email_key .. '\0' .. id)
redis.call('SREM', staff, id)
return answer('DELETED')
