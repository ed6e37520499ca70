-- purchase_detachment: takes an erased buyer out of a purchase, with email and address, its shipments and its
-- returns.
-- Needs: return_prefix anonymous_history without_tracking
-- Gives: detach
local MAX_RETURNS_ERASED = 20

local function detach(purchase, buyer)
  local history, shipments = unpack(redis.call('HMGET', purchase, 'history', 'shipments'), 1, 2)
  if history then
    redis.call('HSET', purchase, 'user', '', 'history', anonymous_history(history, buyer))
    redis.call('HDEL', purchase, 'email', 'shipping_address', 'voucher_customer')
  end
  if shipments then
    redis.call('HSET', purchase, 'shipments', without_tracking(shipments))
  end
  -- Bound: MAX_RETURNS_ERASED, as many as a purchase may have.
  for _, id in ipairs(redis.call('ZRANGE', purchase .. ':returns', 0, MAX_RETURNS_ERASED - 1)) do
    redis.call('HSET', return_prefix .. id, 'reason', '')
  end
end
