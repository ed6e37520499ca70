-- payment_list: the fields and values of each payment of a purchase, the oldest first; nothing where there is no such
-- purchase, or the caller may not see it.
-- KEYS: purchase payments
-- ARGV: caller token is_any max_payments payment_prefix
-- Uses: payment_access
local buyer, guest = unpack(redis.call('HMGET', purchase, 'user', 'guest'))
if not may_reach(buyer, guest) then
  return {}
end
local found = {}
-- Bound: max_payments and the manual ones, 41.
for place, payment_id in ipairs(redis.call('ZRANGE', payments, 0, 2 * max_payments)) do
  found[place] = redis.call('HGETALL', payment_prefix .. payment_id)
end
return {'1', found}
