-- payment_begin: records that a placed purchase is to be paid, before the provider is asked. A purchase has one open
-- payment at most: where there is one, it is the answer.
-- KEYS: purchase payments payments_open
-- ARGV: id purchase_id fields check_at max_payments caller token is_any payment_prefix purchase_prefix user_prefix
-- Uses: purchase_fields payment_access payment_record payment_state
-- Subject: buyer
-- Replies:
--   BEGUN payment...           the payment's fields and values
--   INVALID_TRANSITION status  where the purchase is
--   TOO_MANY_PAYMENTS
--   NOT_FOUND, not recorded
local found = redis.call('HMGET', purchase, 'user', 'status', 'total', 'currency', 'guest')
local buyer, status, total, currency, guest = unpack(found, 1, 5)
if not may_reach(buyer, guest) then
  return reply('NOT_FOUND')
end
if status ~= 'placed' then
  return refuse('INVALID_TRANSITION', status)
end
buyer = is_erased(buyer) and '' or buyer
local former = redis.call('ZRANGE', payments, 0, max_payments)
-- Bound: max_payments and one, 21.
for _, payment_id in ipairs(former) do
  local record = payment_prefix .. payment_id
  if is_open(redis.call('HGET', record, 'status')) then
    return answer_about(buyer, 'BEGUN', unpack(redis.call('HGETALL', record)))
  end
end
if #former >= tonumber(max_payments) then
  return refuse('TOO_MANY_PAYMENTS')
end
store_payment(id, purchase_id, total, currency, fields)
redis.call('ZADD', payments_open, check_at, id)
local payment = payment_prefix .. id
local data = {purchase = purchase_id, provider = redis.call('HGET', payment, 'provider'), amount = total, currency = currency}
emit('payment.begun', id, data)
return answer_about(buyer, 'BEGUN', unpack(redis.call('HGETALL', payment)))
