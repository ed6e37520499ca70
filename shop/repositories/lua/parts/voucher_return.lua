-- voucher_return: gives back the voucher that a purchase has redeemed, once, and redeems it again where the purchase is
-- paid after all.
-- Needs: voucher_prefix
-- Gives: return_voucher redeem_again

-- Where the voucher was deleted meanwhile, another one of its code has another id, and gets nothing. A buyer who is
-- erased has left the purchase: their id stays among the voucher's customers, and is no user's.
local function return_voucher(purchase_key, purchase_id)
  local fields = redis.call('HMGET', purchase_key, 'voucher', 'voucher_id', 'voucher_customer', 'voucher_returned')
  local code, id, customer, is_returned = unpack(fields, 1, 4)
  if not id or is_returned then
    return
  end
  redis.call('HSET', purchase_key, 'voucher_returned', '1')
  local voucher = voucher_prefix .. code
  if redis.call('HGET', voucher, 'id') ~= id then
    return
  end
  redis.call('HINCRBY', voucher, 'redeemed', -1)
  local customers = voucher .. ':customers'
  if customer and redis.call('HINCRBY', customers, customer, -1) <= 0 then
    redis.call('HDEL', customers, customer)
  end
  emit('voucher.returned', code, {purchase = purchase_id})
end

-- Redeems again what the purchase has given back, and returns whether it could: the limits of the voucher count, which
-- others may have reached meanwhile. What else has changed of the voucher since the purchase was placed does not.
local function redeem_again(purchase_key, purchase_id)
  local fields = redis.call('HMGET', purchase_key, 'voucher', 'voucher_id', 'voucher_customer', 'voucher_returned')
  local code, id, customer, is_returned = unpack(fields, 1, 4)
  local voucher = voucher_prefix .. (code or '')
  if not is_returned or redis.call('HGET', voucher, 'id') ~= id then
    return true
  end
  local customers = voucher .. ':customers'
  local counts = redis.call('HMGET', voucher, 'limit', 'redeemed', 'limit_per_customer')
  local own = customer and redis.call('HGET', customers, customer) or 0
  if tonumber(counts[2]) >= (tonumber(counts[1]) or math.huge) or tonumber(own) >= (tonumber(counts[3]) or math.huge) then
    return false
  end
  redis.call('HDEL', purchase_key, 'voucher_returned')
  redis.call('HINCRBY', voucher, 'redeemed', 1)
  if customer then
    redis.call('HINCRBY', customers, customer, 1)
  end
  emit('voucher.redeemed', code, {purchase = purchase_id})
  return true
end
