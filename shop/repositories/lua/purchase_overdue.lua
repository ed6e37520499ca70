-- purchase_overdue: for how many milliseconds the purchase has been overdue whose own instant passed first, 0 where there is
-- none; and the id of the one placed first that has none, and was placed before `bound`. One whose payment is authorized
-- is not overdue.
-- KEYS: purchases_by_pay_by placed
-- ARGV: bound purchase_prefix payment_prefix
-- Uses: clock payment_authorization
local MAX_LOOKED_AT, NO_INSTANT = 100, 1000
local overdue_ms, first_id = 0, ''
local due = redis.call('ZRANGE', purchases_by_pay_by, '-inf', clock_ms(), 'BYSCORE', 'LIMIT', 0, MAX_LOOKED_AT, 'WITHSCORES')
-- Bound: MAX_LOOKED_AT.
for place = 1, #due, 2 do
  if not is_authorized(due[place]) then
    overdue_ms = clock_ms() - due[place + 1]
    break
  end
end
local old = bound ~= '' and redis.call('ZRANGE', placed, '-', bound, 'BYLEX', 'LIMIT', 0, NO_INSTANT) or {}
-- Bound: NO_INSTANT, and the payments of MAX_LOOKED_AT.
for place, id in ipairs(old) do
  local has_instant = redis.call('HEXISTS', purchase_prefix .. id, 'pay_by') == 1
  if not has_instant and (place > MAX_LOOKED_AT or not is_authorized(id)) then
    first_id = id
    break
  end
end
return {string.format('%.0f', overdue_ms), first_id}
