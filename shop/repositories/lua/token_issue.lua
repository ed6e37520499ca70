-- token_issue: makes a token, stored under the digest of its secret. Beyond max_tokens the user's oldest ones end. A
-- new_hash replaces the password hash that was checked. The networks from which the user signed in are stored with the
-- instant of the last time, at most max_networks, the last one first.
-- KEYS: user token tokens
-- ARGV: id checked_hash new_hash digest at expires_at sealed max_tokens token_prefix network max_networks
-- Replies:
--   ISSUED expires_at sealed
--   NOT_FOUND, not recorded    no user of this id has the password hash that was checked
local MAX_ENDED = 100
if redis.call('HGET', user, 'password') ~= checked_hash then
  return reply('NOT_FOUND')
end
if new_hash ~= '' then
  redis.call('HSET', user, 'password', new_hash)
end
if network ~= '' then
  local entries = {network .. ':' .. at}
  -- Bound: max_networks, 10; as many as that was before it was lowered.
  for entry in string.gmatch(redis.call('HGET', user, 'networks') or '', '%S+') do
    if #entries < tonumber(max_networks) and string.match(entry, '^%w+') ~= network then
      table.insert(entries, entry)
    end
  end
  redis.call('HSET', user, 'networks', table.concat(entries, ' '))
end
redis.call('HSET', token, 'user', id, 'created_at', at)
redis.call('PEXPIREAT', token, expires_at)
redis.call('ZREMRANGEBYSCORE', tokens, '-inf', at)
redis.call('ZADD', tokens, expires_at, digest)
redis.call('PEXPIREAT', tokens, expires_at, 'NX')
redis.call('PEXPIREAT', tokens, expires_at, 'GT')
local surplus = redis.call('ZCARD', tokens) - max_tokens
if surplus > 0 then
  -- Bound: MAX_ENDED. A user of an earlier version may have more tokens: each sign-in ends some of them.
  for _, oldest in ipairs(redis.call('ZRANGE', tokens, 0, math.min(surplus, MAX_ENDED) - 1)) do
    redis.call('DEL', token_prefix .. oldest)
    redis.call('ZREM', tokens, oldest)
  end
end
return answer('ISSUED', expires_at, sealed)
