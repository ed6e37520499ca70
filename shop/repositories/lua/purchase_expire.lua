-- purchase_expire: ends a purchase that was not paid in time, in the shop's name, and brings all of its units back into
-- stock. One with an instant by which it must be paid is expired after that; one without is cancelled. One whose payment
-- is authorized is as good as paid: the instant moves on by POSTPONEMENT_MS until the payment is captured or over. The
-- instant is set and judged by the clock of the primary.
-- KEYS: purchase purchases returns in_stock sold_out
-- ARGV: id by at product_prefix movements_prefix purchase_prefix user_prefix erasing_prefix return_prefix voucher_prefix payment_prefix
-- Uses: clock index_sets stock purchase_fields purchase_detachment purchase_state return_transition purchase_transition restock voucher_return payment_authorization
-- Subject: buyer
-- Replies:
--   MOVED purchase...          the purchase's fields and values
--   POSTPONED purchase...      the same, of one that is placed still
--   INVALID_TRANSITION status stage    where the purchase is, and the status that decides what may follow
--   NOT_DUE, not recorded   it may still be paid
--   NOT_FOUND, not recorded
local POSTPONEMENT_MS = 600000

local function postpone()
  local instant = string.format('%.0f', clock_ms() + POSTPONEMENT_MS)
  redis.call('HSET', purchase, 'pay_by', instant)
  redis.call('ZADD', purchases .. ':pay_by', instant, id)
end

local fields = purchase_state(id)
if not fields then
  return reply('NOT_FOUND')
end
if fields.status ~= 'placed' then
  return refuse('INVALID_TRANSITION', fields.status, stage_of(fields))
end
if fields.pay_by and tonumber(fields.pay_by) > clock_ms() then
  return reply('NOT_DUE')
end
if is_authorized(id) then
  postpone()
  local buyer = is_erased(fields.user) and '' or fields.user
  return answer_about(buyer, 'POSTPONED', unpack(redis.call('HGETALL', purchase)))
end
local target = fields.pay_by and 'expired' or 'cancelled'
restock(id, fields, nil, target, by)
transition(id, fields, target, at, by)
return_voucher(purchase, id)
local buyer = fields.user
return answer_about(buyer, 'MOVED', unpack(redis.call('HGETALL', purchase)))
