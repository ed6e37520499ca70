-- payment_authorization: whether a purchase is as good as paid.
-- Needs: purchase_prefix payment_prefix
-- Gives: is_authorized
local MAX_PAYMENTS_READ = 20

-- Returns whether a payment of the purchase is authorized, and not to be cancelled.
local function is_authorized(purchase_id)
  local payments = redis.call('ZRANGE', purchase_prefix .. purchase_id .. ':payments', 0, MAX_PAYMENTS_READ - 1)
  -- Bound: MAX_PAYMENTS_READ.
  for _, payment_id in ipairs(payments) do
    local status, intent = unpack(redis.call('HMGET', payment_prefix .. payment_id, 'status', 'intent'), 1, 2)
    if status == 'authorized' and intent ~= 'cancel' then
      return true
    end
  end
  return false
end
