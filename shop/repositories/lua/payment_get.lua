-- payment_get: the fields and values of a payment; nothing where there is none, or the caller may not see it.
-- KEYS: payment
-- ARGV: caller token is_any purchase_prefix
-- Uses: payment_access
local purchase_id = redis.call('HGET', payment, 'purchase')
if not purchase_id then
  return {}
end
local buyer, guest = unpack(redis.call('HMGET', purchase_prefix .. purchase_id, 'user', 'guest'))
return may_reach(buyer, guest) and redis.call('HGETALL', payment) or {}
