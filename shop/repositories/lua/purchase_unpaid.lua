-- purchase_unpaid: ids of purchases that were not paid in time, at most `wanted`: first those whose own instant has
-- passed, then those without one that were placed before `bound`.
-- KEYS: purchases_by_pay_by placed
-- ARGV: at bound wanted purchase_prefix
local MAX_LOOKED_AT = 200
local ids = redis.call('ZRANGE', purchases_by_pay_by, '-inf', at, 'BYSCORE', 'LIMIT', 0, wanted)
if bound == '' or #ids >= tonumber(wanted) then
  return ids
end
-- Bound: MAX_LOOKED_AT. Purchases with an instant of their own are few among those so old.
for _, id in ipairs(redis.call('ZRANGE', placed, '-', bound, 'BYLEX', 'LIMIT', 0, MAX_LOOKED_AT)) do
  if #ids < tonumber(wanted) and redis.call('HEXISTS', purchase_prefix .. id, 'pay_by') == 0 then
    ids[#ids + 1] = id
  end
end
return ids
