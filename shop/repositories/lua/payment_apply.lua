-- payment_apply: makes what a provider says of a payment part of the record, and does what follows: the purchase is paid,
-- or cannot have the money and it is refunded; refunds are settled. The browser, a webhook and a
-- check may all bring it: the first one counts, and the others change nothing. An event takes effect once.
-- KEYS: provider_event payments_open payments_unrefunded purchases returns in_stock sold_out
-- ARGV: id purchase_id report event_ttl_s ends_intent refund_id check_at at payment_prefix holds_prefix product_prefix movements_prefix purchase_prefix user_prefix erasing_prefix return_prefix voucher_prefix
-- Uses: index_sets stock clock holds purchase_fields purchase_detachment purchase_state return_transition purchase_transition restock voucher_return payment_record payment_state refund_settlement refund_retries payment_settlement
-- Subject: buyer
-- Replies:
--   APPLIED payment...         the payment's fields and values
--   NOT_FOUND, not recorded
local fields, owner = payment_record(id), purchase_state(purchase_id)
if not fields or not owner then
  return reply('NOT_FOUND')
end
local payment, buyer = payment_prefix .. id, is_erased(owner.user) and '' or owner.user
if event_ttl_s ~= '0' and not redis.call('SET', provider_event, id, 'NX', 'EX', event_ttl_s) then
  return answer_about(buyer, 'APPLIED', unpack(redis.call('HGETALL', payment)))
end

local before = payment_record(id)
before.encoded = before.refunds or ''
local said = cjson.decode(report)
merge_state(fields, said)
local settled = settle_refunds(fields, said)

-- What is captured in part and not open any more cannot pay a purchase.
if not fields.settlement and (fields.status == 'captured' or (fields.captured ~= '0' and not is_open(fields.status))) then
  fields.settlement = settle_purchase(id, fields, owner, refund_id, at)
  redis.call('HSET', payment, 'settlement', fields.settlement)
end
local is_grown = tonumber(fields.refunded) > tonumber(before.refunded)
if fields.refunded ~= '0' and fields.refunded == fields.captured then
  fields.status = 'refunded'
elseif fields.settlement == 'orphaned' then
  fields.status = 'orphaned'
elseif fields.refunded ~= '0' or fields.status == 'refunded' then
  fields.status = 'partially_refunded'
end

local author = 'system'
-- Bound: the refunds of a payment, at most 102.
for _, row in ipairs(settled) do
  local data = {payment = id, purchase = purchase_id, amount = row[2], currency = fields.currency}
  emit('refund.' .. row[3], row[1], data)
  author = row[6] ~= '' and row[6] or author
end
local is_paying = redis.call('HGET', purchase_prefix .. purchase_id, 'payment') == id
local restocking = is_paying and fields.status == 'refunded' and restocking_refund(fields.rows)
if restocking then
  restock(purchase_id, owner, nil, 'refunded', restocking[6])
end
-- What follows a refund, as long as the purchase is not at its end by another way.
local REFUNDABLE = {paid = true, partially_shipped = true, shipped = true, delivered = true}
if is_grown and is_paying and REFUNDABLE[stage_of(owner)] then
  local target = fields.status == 'refunded' and 'refunded' or 'partially_refunded'
  transition(purchase_id, owner, target, at, author, {payment = id, refunded = fields.refunded, currency = fields.currency})
end

-- An orphan, and the payment of a purchase that was cancelled or refunded, owe what no refund has brought.
local ENDED = {cancelled = true, refunded = true}
local is_owed = fields.settlement == 'orphaned' or (is_paying and ENDED[stage_of(owner)])
local retry_at = retry_refund(id, fields, is_owed, refund_id, at)
if ends_intent == '1' or not is_open(fields.status) then
  fields.intent = ''
end
store_state(id, fields, before, at)
if fields.status ~= before.status or fields.refunded ~= before.refunded then
  local data = {purchase = purchase_id, provider = fields.provider, captured = fields.captured, refunded = fields.refunded, currency = fields.currency}
  emit('payment.' .. fields.status, id, data)
end
local next_at = retry_at or (said.is_incomplete and event_ttl_s ~= '0' and at or check_at)
-- A webhook that does not say everything has the provider asked at once.
-- An event takes no question back that an earlier one has asked for.
local asked_at = event_ttl_s ~= '0' and redis.call('ZSCORE', payments_open, id)
local is_asked = asked_at and tonumber(asked_at) <= tonumber(at)
if is_open(fields.status) or reserved_refunds(fields.rows) > 0 or said.is_incomplete then
  redis.call('ZADD', payments_open, is_asked and asked_at or next_at, id)
elseif not is_asked then
  redis.call('ZREM', payments_open, id)
end
return answer_about(buyer, 'APPLIED', unpack(redis.call('HGETALL', payment)))
