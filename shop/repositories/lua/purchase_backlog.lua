-- purchase_backlog: how many products are sold out, and how many purchases are placed, paid and shipped.
-- KEYS: sold_out placed paid shipped
local found = {redis.call('SCARD', sold_out)}
-- Bound: three.
for place, index in ipairs({placed, paid, shipped}) do
  found[place + 1] = redis.call('ZCARD', index)
end
return found
