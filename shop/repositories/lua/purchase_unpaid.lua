-- purchase_unpaid: ids of purchases that were not paid in time, at most `wanted`: first those whose own instant has
-- passed, by the clock of the primary, then those without one that were placed before `bound`. These are looked for from
-- `from` on. Returns them, and where to look next: empty at the end. The first `skipped` of those whose instant has passed
-- are left out.
-- KEYS: purchases_by_pay_by placed
-- ARGV: from bound wanted skipped purchase_prefix
-- Uses: clock
local MAX_LOOKED_AT = 200
local most = tonumber(wanted)
local ids = redis.call('ZRANGE', purchases_by_pay_by, '-inf', clock_ms(), 'BYSCORE', 'LIMIT', skipped, most)
if bound == '' or #ids >= most then
  return {ids, bound ~= '' and from or ''}
end
local looked_at = redis.call('ZRANGE', placed, from == '' and '-' or from, bound, 'BYLEX', 'LIMIT', 0, MAX_LOOKED_AT)
-- Bound: MAX_LOOKED_AT.
for _, id in ipairs(looked_at) do
  if #ids >= most then
    return {ids, '[' .. id}
  end
  -- One with an instant of its own is none of these: its payment was authorized, and may be for long.
  if redis.call('HEXISTS', purchase_prefix .. id, 'pay_by') == 0 then
    ids[#ids + 1] = id
  end
end
return {ids, #looked_at == MAX_LOOKED_AT and '(' .. looked_at[MAX_LOOKED_AT] or ''}
