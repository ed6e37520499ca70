-- purchase_forget: takes email and address out of the purchases of guests that ended unpaid long enough ago. What is left
-- does not say who it was: a payment that arrives now goes back, because the goods could not be sent.
-- KEYS: purchases_to_forget
-- ARGV: at max_purchases purchase_prefix
-- Replies:
--   FORGOTTEN count
local ids = redis.call('ZRANGE', purchases_to_forget, '-inf', at, 'BYSCORE', 'LIMIT', 0, max_purchases)
-- Bound: max_purchases, 50.
for _, id in ipairs(ids) do
  local purchase = purchase_prefix .. id
  redis.call('HDEL', purchase, 'email', 'shipping_address', 'voucher_customer', 'guest_customer')
  redis.call('HSET', purchase, 'is_forgotten', '1')
  redis.call('ZREM', purchases_to_forget, id)
end
return answer('FORGOTTEN', tostring(#ids))
