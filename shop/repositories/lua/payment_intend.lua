-- payment_intend: records that an authorized payment is to be captured, or an open one cancelled, before the provider is
-- asked. What is intended stays so until the provider has answered.
-- KEYS: purchase payments_open
-- ARGV: id intent at payment_prefix purchase_prefix user_prefix
-- Uses: purchase_fields payment_record payment_state
-- Subject: buyer
-- Replies:
--   INTENDED payment...        the payment's fields and values
--   INVALID_TRANSITION status  where the payment is
--   NOT_FOUND, not recorded
local fields = payment_record(id)
if not fields then
  return reply('NOT_FOUND')
end
local is_possible = fields.status == 'authorized' or (intent == 'cancel' and is_open(fields.status))
if not is_possible or (fields.intent ~= '' and fields.intent ~= intent) then
  return refuse('INVALID_TRANSITION', fields.status)
end
local payment = payment_prefix .. id
if fields.intent == '' then
  record_change('intent', '', intent)
  redis.call('HSET', payment, 'intent', intent, 'updated_at', at)
  redis.call('HINCRBY', payment, 'version', 1)
  emit('payment.' .. intent .. '_requested', id, {purchase = fields.purchase, provider = fields.provider})
end
redis.call('ZADD', payments_open, at, id)
local buyer = redis.call('HGET', purchase, 'user') or ''
buyer = is_erased(buyer) and '' or buyer
return answer_about(buyer, 'INTENDED', unpack(redis.call('HGETALL', payment)))
