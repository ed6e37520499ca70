-- purchase_move: takes a purchase one step on, from one of the sources that the step allows; with `restock` all of its
-- units that are not back yet go back into stock, to a withdrawn product too. What was captured for a purchase that comes
-- to its end here is reserved for a refund.
-- KEYS: purchase payments_open purchases returns in_stock sold_out
-- ARGV: id target sources owner by at restock_all refund_id payment_prefix product_prefix movements_prefix purchase_prefix user_prefix erasing_prefix return_prefix voucher_prefix
-- Uses: index_sets stock purchase_fields purchase_detachment purchase_state return_transition purchase_transition restock voucher_return payment_record
-- Subject: buyer
-- Replies:
--   MOVED purchase...          the purchase's fields and values
--   INVALID_TRANSITION status stage    where the purchase is, and the status that decides what may follow
--   NOT_FOUND, not recorded
local fields = purchase_state(id)
if not fields or (owner ~= '' and owner ~= fields.user) then
  return reply('NOT_FOUND')
end
local stage = stage_of(fields)
if not string.find(sources, ' ' .. stage .. ' ', 1, true) then
  return refuse('INVALID_TRANSITION', fields.status, stage)
end
if restock_all == '1' then
  restock(id, fields, nil, target, by)
end
if target == 'cancelled' or target == 'refunded' then
  reserve_rest(id, refund_id, target, by == fields.user and '' or by, at)
end
transition(id, fields, target, at, by)
if target == 'cancelled' then
  return_voucher(purchase, id)
end
local buyer = fields.user
return answer_about(buyer, 'MOVED', unpack(redis.call('HGETALL', purchase)))
