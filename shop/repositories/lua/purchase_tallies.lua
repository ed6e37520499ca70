-- purchase_tallies: of each of these ranges of ids, how many purchases each index has, and the highest of their ids.
-- KEYS: purchases cancelled refunded
-- ARGV: ranges
local found = {}
-- Bound: the ranges given, at most 31: MAX_DAYS of figures.py.
for place, range in ipairs(cjson.decode(ranges)) do
  local low, high, tallies = range[1], range[2], {}
  -- Bound: three.
  for at, index in ipairs({purchases, cancelled, refunded}) do
    local last = redis.call('ZRANGE', index, high, low, 'BYLEX', 'REV', 'LIMIT', 0, 1)[1] or ''
    tallies[2 * at - 1] = last == '' and 0 or redis.call('ZLEXCOUNT', index, low, high)
    tallies[2 * at] = last
  end
  found[place] = tallies
end
return found
