-- payment_record: a payment and its refunds. A refund is a row of texts: id, amount, status, whether the units return to
-- stock, reason, who asked for it, instant.
-- Needs: payment_prefix purchase_prefix payments_open
-- Gives: payment_record store_payment store_manual_payment reserved_refunds reserve_refund reserve_rest

-- Returns the fields of a payment by their names, `rows` being its refunds; nil where there is none.
local function payment_record(payment_id)
  local flat, fields = redis.call('HGETALL', payment_prefix .. payment_id), {}
  -- Bound: the fields of a payment, 23.
  for place = 1, #flat, 2 do
    fields[flat[place]] = flat[place + 1]
  end
  if not fields.status then
    return nil
  end
  fields.rows = fields.refunds and fields.refunds ~= '' and cjson.decode(fields.refunds) or {}
  return fields
end

local function store_payment(payment_id, purchase_id, total, currency, texts)
  local record = {'purchase', purchase_id, 'amount', total, 'currency', currency, unpack(cjson.decode(texts))}
  redis.call('HSET', payment_prefix .. payment_id, unpack(record))
  redis.call('ZADD', purchase_prefix .. purchase_id .. ':payments', 0, payment_id)
end

-- Stores the payment of a purchase that staff have taken the money for.
local function store_manual_payment(payment_id, purchase_id, texts)
  local purchase = purchase_prefix .. purchase_id
  local total, currency = unpack(redis.call('HMGET', purchase, 'total', 'currency'))
  store_payment(payment_id, purchase_id, total, currency, texts)
  redis.call('HSET', payment_prefix .. payment_id, 'authorized', total, 'captured', total, 'settlement', 'paid')
  redis.call('HSET', purchase, 'payment', payment_id)
  local data = {purchase = purchase_id, provider = 'manual', captured = total, refunded = '0', currency = currency}
  emit('payment.captured', payment_id, data)
end

-- Returns the sum of the refunds that the provider has not confirmed.
local function reserved_refunds(rows)
  local sum = 0
  -- Bound: the refunds of a payment, at most 102.
  for _, row in ipairs(rows) do
    sum = sum + (row[3] == 'pending' and tonumber(row[2]) or 0)
  end
  return sum
end

-- Reserves a refund of this amount, before the provider is asked for it, and has the payment checked at once.
local function reserve_refund(payment_id, fields, refund_id, amount, has_units, reason, by, at)
  local text = string.format('%.0f', amount)
  fields.rows[#fields.rows + 1] = {refund_id, text, 'pending', has_units, reason, by, at}
  local payment = payment_prefix .. payment_id
  redis.call('HSET', payment, 'refunds', cjson.encode(fields.rows), 'updated_at', at)
  redis.call('HINCRBY', payment, 'version', 1)
  redis.call('ZADD', payments_open, at, payment_id)
  local data = {payment = payment_id, purchase = fields.purchase, amount = text, currency = fields.currency}
  emit('refund.requested', refund_id, data)
end

-- Reserves a refund of all that was captured for a purchase and is not refunded.
local function reserve_rest(purchase_id, refund_id, reason, by, at)
  local payment_id = redis.call('HGET', purchase_prefix .. purchase_id, 'payment')
  local fields = payment_id and payment_record(payment_id)
  local rest = fields and fields.captured - fields.refunded - reserved_refunds(fields.rows) or 0
  if rest > 0 then
    reserve_refund(payment_id, fields, refund_id, rest, '0', reason, by, at)
  end
end
