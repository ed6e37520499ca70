-- discounts: what a voucher takes off, in whole minor units: never more than what it is taken off, and a fraction of a
-- unit is dropped. discount_of in shop/domain/vouchers.py computes the same.
-- Gives: discount_of
local BASIS_POINTS = 10000

local function discount_of(kind, value, items, shipping)
  if kind == 'percent' then
    -- In two parts, because the product of both would not be exact beyond 2^53.
    local rest = items % BASIS_POINTS
    return (items - rest) / BASIS_POINTS * value + math.floor(rest * value / BASIS_POINTS)
  end
  return kind == 'amount' and math.min(value, items) or kind == 'shipping' and shipping or 0
end
