-- purchase_sums: adds up the purchases of a range of ids, the lowest first, by status and currency: {status, currency,
-- purchases, units, minor units as text, highest id} of each. The second value is the id after which the next run goes
-- on, empty where none follows. A run ends before MAX_LINES lines are exceeded, and before a sum is no exact number any
-- more.
-- KEYS: purchases
-- ARGV: low high purchase_prefix
local MAX_PURCHASES, MAX_LINES, MAX_EXACT = 250, 1000, 2 ^ 53
local sums, places, lines = {}, {}, 0

local function units_of(items)
  local units = 0
  -- Bound: the lines of a purchase, at most 100.
  for _, item in ipairs(items) do
    units = units + item[5]
  end
  return units
end

local function sum_of(status, currency)
  local name = status .. currency
  if not places[name] then
    places[name] = #sums + 1
    sums[#sums + 1] = {status, currency, 0, 0, 0, ''}
  end
  return sums[places[name]]
end

local function reply_of(next_after)
  -- Bound: nine statuses of the currencies of MAX_PURCHASES.
  for _, sum in ipairs(sums) do
    sum[4], sum[5] = string.format('%.0f', sum[4]), string.format('%.0f', sum[5])
  end
  return {sums, next_after}
end

local ids, former = redis.call('ZRANGE', purchases, low, high, 'BYLEX', 'LIMIT', 0, MAX_PURCHASES), ''
-- Bound: MAX_PURCHASES.
for _, id in ipairs(ids) do
  local status, currency, total, text = unpack(
    redis.call('HMGET', purchase_prefix .. id, 'status', 'currency', 'total', 'items'), 1, 4)
  if status then
    local items = cjson.decode(text)
    local sum = sum_of(status, currency)
    lines = lines + #items
    if former ~= '' and (lines > MAX_LINES or sum[5] + total > MAX_EXACT) then
      return reply_of(former)
    end
    sum[3], sum[4], sum[5], sum[6] = sum[3] + 1, sum[4] + units_of(items), sum[5] + total, id
  end
  former = id
end
return reply_of(#ids == MAX_PURCHASES and former or '')
