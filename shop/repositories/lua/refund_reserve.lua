-- refund_reserve: reserves an amount of what was captured for a purchase, before the provider is asked to refund it; an
-- empty amount is all that is left. Refunds never come to more than was captured, however many are asked for at once.
-- KEYS: purchase payments_open
-- ARGV: id purchase_id amount restock reason by at max_refunds manual_id manual_fields payment_prefix purchase_prefix user_prefix
-- Uses: purchase_fields payment_record
-- Subject: buyer
-- Replies:
--   RESERVED refund payment... its id, and the payment's fields and values
--   INVALID_TRANSITION status  where the purchase is: it was not paid
--   EXCEEDS_CAPTURED refundable currency
--   RESTOCKS_PART, not recorded   units return with all of the money that is left, none of it pending
--   TOO_MANY_REFUNDS
--   NOT_FOUND, not recorded
local found = redis.call('HMGET', purchase, 'user', 'status', 'payment', 'total', 'currency')
local buyer, status, payment_id, total, currency = unpack(found, 1, 5)
if not status then
  return reply('NOT_FOUND')
end
-- Purchases that were paid before there were payments have none: staff took the money.
local WITHOUT_PAYMENT = {paid = true, partially_shipped = true, shipped = true, delivered = true}
if not payment_id and not WITHOUT_PAYMENT[status] then
  return refuse('INVALID_TRANSITION', status)
end
local unrecorded = {captured = total, refunded = '0', currency = currency, rows = {}}
local fields = payment_id and payment_record(payment_id) or unrecorded
local left = fields.captured - fields.refunded - reserved_refunds(fields.rows)
local wanted = amount == '' and left or tonumber(amount)
if wanted > left or wanted <= 0 then
  return refuse('EXCEEDS_CAPTURED', string.format('%.0f', left), fields.currency)
end
-- What is pending may fail: then not all of the money goes back, and the units neither come back nor are shipped.
if restock == '1' and wanted < fields.captured - fields.refunded then
  return reply('RESTOCKS_PART')
end
if #fields.rows >= tonumber(max_refunds) then
  return refuse('TOO_MANY_REFUNDS')
end
if not payment_id then
  payment_id = manual_id
  store_manual_payment(payment_id, purchase_id, manual_fields)
  fields = payment_record(payment_id)
end
reserve_refund(payment_id, fields, id, wanted, restock, reason, by, at)
record_change('refund', '', string.format('%.0f', wanted))
buyer = is_erased(buyer) and '' or buyer
return answer_about(buyer, 'RESERVED', id, unpack(redis.call('HGETALL', payment_prefix .. payment_id)))
