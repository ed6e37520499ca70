-- refund_settlement: what a provider says of the refunds of a payment becomes part of the record.
-- Gives: settle_refunds restocking_refund

-- Adds up the refunds that failed after they had succeeded: all of them, and those that the provider names as failed.
local function sum_of_reversed(reversed, reported)
  local sum, named = 0, 0
  -- Bound: the refunds of a payment, at most 102.
  for refund_id, amount in pairs(reversed) do
    sum, named = sum + amount, named + (reported[refund_id] == 'failed' and amount or 0)
  end
  return sum, named
end

-- Settles the refunds that the provider names: a pending one, and one that has failed after it had succeeded, whose amount
-- is in `reversed` from then on. What was refunded and what was reversed only grow together: the provider's total has none
-- of what it names as failed. Returns the refunds that are settled now.
local function settle_refunds(fields, said)
  local settled, succeeded, reported = {}, 0, said.refunds
  local reversed = cjson.decode(fields.reversed or '{}')
  local gone = fields.refunded + sum_of_reversed(reversed, reported)
  -- Bound: the refunds of a payment, at most 102.
  for _, row in ipairs(fields.rows) do
    local status, former = reported[row[1]], row[3]
    if former == 'pending' and status == 'succeeded' or former ~= 'failed' and status == 'failed' then
      row[3], settled[#settled + 1] = status, row
    end
    if former == 'succeeded' and row[3] == 'failed' then
      reversed[row[1]] = tonumber(row[2])
      fields.reversed = cjson.encode(reversed)
    end
    succeeded = succeeded + (row[3] == 'succeeded' and tonumber(row[2]) or 0)
  end
  local sum, named = sum_of_reversed(reversed, reported)
  fields.refunded = string.format('%.0f', math.max(gone, said.refunded + named, succeeded + sum) - sum)
  if tonumber(fields.refunded) > tonumber(fields.captured) then
    fields.refunded = fields.captured
  end
  return settled
end

-- Returns the refund that brings the units of the purchase back into stock, once all of its money has gone back; nil where
-- none does.
local function restocking_refund(rows)
  -- Bound: the refunds of a payment, at most 102.
  for _, row in ipairs(rows) do
    if row[3] == 'succeeded' and row[4] == '1' then
      return row
    end
  end
end
