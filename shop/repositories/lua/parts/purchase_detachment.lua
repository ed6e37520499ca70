-- purchase_detachment: takes an erased buyer out of a purchase, with email and address.
-- Needs: anonymous_history
-- Gives: detach
local function detach(purchase, buyer)
  local history = redis.call('HGET', purchase, 'history')
  if history then
    redis.call('HSET', purchase, 'user', '', 'history', anonymous_history(history, buyer))
    redis.call('HDEL', purchase, 'email', 'address')
  end
end
