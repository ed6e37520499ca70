-- refund_retries: what is owed to a buyer is refunded again and again, the more rarely the more often it was refused: a
-- provider may refuse for a while, such as for want of a balance. Payments whose refunds are refused often are listed.
-- Needs: payments_unrefunded reserved_refunds reserve_refund
-- Gives: retry_refund
-- Of these rows staff ask for 50 at most: the others are left to what is owed.
local MAX_REFUNDS_IN_ALL, OFTEN, MIN_DELAY_MS, MAX_DELAY_MS = 100, 8, 15000, 86400000

local function count_failed(rows)
  local failed = 0
  -- Bound: the refunds of a payment, at most 102.
  for _, row in ipairs(rows) do
    failed = failed + (row[3] == 'failed' and 1 or 0)
  end
  return failed
end

-- Returns when the refund that this has reserved is to be made; nil where nothing is owed, or another one is pending, or there
-- were too many.
local function retry_refund(payment_id, fields, is_owed, refund_id, at)
  local owed, tries = fields.captured - fields.refunded, count_failed(fields.rows)
  if not is_owed or owed <= 0 then
    redis.call('ZREM', payments_unrefunded, payment_id)
    return nil
  end
  if tries >= OFTEN then
    redis.call('ZADD', payments_unrefunded, 'NX', at, payment_id)
  end
  if reserved_refunds(fields.rows) > 0 or #fields.rows >= MAX_REFUNDS_IN_ALL then
    return nil
  end
  reserve_refund(payment_id, fields, refund_id, owed, '0', 'owed', 'system', at)
  return string.format('%.0f', at + math.min(MIN_DELAY_MS * 2 ^ math.min(tries, 13), MAX_DELAY_MS))
end
