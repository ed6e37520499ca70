-- purchase_backlog: how many products are sold out, and how many purchases are placed, paid, partly shipped and shipped.
-- KEYS: sold_out placed paid partially_shipped shipped
local found = {redis.call('SCARD', sold_out)}
-- Bound: four.
for place, index in ipairs({placed, paid, partially_shipped, shipped}) do
  found[place + 1] = redis.call('ZCARD', index)
end
return found
