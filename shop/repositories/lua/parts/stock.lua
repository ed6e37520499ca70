-- stock: changes the stock of a product, and records the movement in the product's ledger in the same step. With the
-- stock goes the instant of the change, by the clock of the primary: later than that of the change before in any case,
-- so that an equal one means that nothing has changed. A record from before there was this field is read with the
-- instant of its creation.
-- Needs: product_prefix movements_prefix
-- Gives: STOCK_FIELDS change_stock
local STOCK_FIELDS = {'stock', 'stock_changed_at', 'created_at', 'ledger'}
-- Movements of one product that are stored, and how many of the oldest become one sum when there are more.
local MAX_MOVEMENTS, SUMMED_UP = 10000, 10

-- Movements beyond MAX_MOVEMENTS become part of the product's `carried`: the sum of all stays the stock.
local function bound_movements(product, movements)
  if redis.call('XLEN', movements) <= MAX_MOVEMENTS then
    return
  end
  local oldest, sum = redis.call('XRANGE', movements, '-', '+', 'COUNT', SUMMED_UP + 1), 0
  -- Bound: SUMMED_UP. An entry has quantity at its second place: see record_movement.
  for place = 1, SUMMED_UP do
    sum = sum + tonumber(oldest[place][2][2])
  end
  redis.call('HINCRBY', product, 'carried', string.format('%.0f', sum))
  redis.call('XTRIM', movements, 'MINID', oldest[SUMMED_UP + 1][1])
end

local function record_movement(movements, quantity, kind, reference, by)
  local units = string.format('%.0f', quantity)
  redis.call('XADD', movements, '*', 'quantity', units, 'kind', kind, 'reference', reference, 'by', by)
end

-- Takes the values of STOCK_FIELDS as `found`. `ledger` is the sum of all movements: where there is none yet, the stock
-- so far is the first one.
local now_ms
local function change_stock(id, found, quantity, kind, reference, by)
  local stock, changed_at, created_at, ledger = unpack(found, 1, 4)
  if not now_ms then
    local time = redis.call('TIME')
    now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  local product, movements = product_prefix .. id, movements_prefix .. id
  local at, units = math.max(now_ms, (changed_at or created_at) + 1), string.format('%.0f', stock + quantity)
  redis.call('HSET', product, 'stock', units, 'stock_changed_at', string.format('%.0f', at), 'ledger', units)
  if not ledger and tonumber(stock) ~= 0 then
    record_movement(movements, stock, 'opening', id, '')
  end
  record_movement(movements, quantity, kind, reference, by)
  bound_movements(product, movements)
end
