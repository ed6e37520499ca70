-- purchase_pay: makes a placed purchase paid: staff have taken the money. The payment is recorded with it.
-- KEYS: purchase payments_open purchases returns
-- ARGV: id payment_id payment_fields by at payment_prefix purchase_prefix user_prefix erasing_prefix return_prefix
-- Uses: purchase_fields purchase_detachment purchase_state return_transition purchase_transition payment_record
-- Subject: buyer
-- Replies:
--   MOVED purchase...          the purchase's fields and values
--   INVALID_TRANSITION status  where the purchase is
--   NOT_FOUND, not recorded
local fields = purchase_state(id)
if not fields then
  return reply('NOT_FOUND')
end
if fields.status ~= 'placed' then
  return refuse('INVALID_TRANSITION', fields.status)
end
store_manual_payment(payment_id, id, payment_fields)
transition(id, fields, 'paid', at, by, {payment = payment_id})
local buyer = fields.user
return answer_about(buyer, 'MOVED', unpack(redis.call('HGETALL', purchase)))
