-- purchase_tallies: of each of these ranges of ids, how many purchases are placed, ended unpaid or cancelled, and
-- refunded, and the highest id of each.
-- KEYS: purchases cancelled expired refunded
-- ARGV: ranges
local INDEXES = {{purchases}, {cancelled, expired}, {refunded}}

-- Returns how many ids of the range are in these indexes, and the highest.
local function tally(indexes, low, high)
  local count, last = 0, ''
  -- Bound: two.
  for _, index in ipairs(indexes) do
    local highest = redis.call('ZRANGE', index, high, low, 'BYLEX', 'REV', 'LIMIT', 0, 1)[1]
    if highest then
      count, last = count + redis.call('ZLEXCOUNT', index, low, high), highest > last and highest or last
    end
  end
  return count, last
end

local found = {}
-- Bound: the ranges given, at most 31: MAX_DAYS of figures.py.
for place, range in ipairs(cjson.decode(ranges)) do
  local tallies = {}
  -- Bound: three.
  for at, indexes in ipairs(INDEXES) do
    tallies[2 * at - 1], tallies[2 * at] = tally(indexes, range[1], range[2])
  end
  found[place] = tallies
end
return found
