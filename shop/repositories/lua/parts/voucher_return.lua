-- voucher_return: gives back the voucher that a purchase has redeemed, once.
-- Needs: voucher_prefix
-- Gives: return_voucher

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
