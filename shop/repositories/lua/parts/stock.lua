-- stock: sets the stock of a product, and with it the instant of the change, by the clock of the primary. The instant is
-- later than that of the change before in any case, so that an equal one means that nothing has changed. A record from
-- before there was this field is read with the instant of its creation, so `changed_at` is that one there.
-- Gives: set_stock
local now_ms
local function set_stock(product, units, changed_at)
  if not now_ms then
    local time = redis.call('TIME')
    now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  local at = math.max(now_ms, changed_at + 1)
  redis.call('HSET', product, 'stock', string.format('%.0f', units), 'stock_changed_at', string.format('%.0f', at))
end
