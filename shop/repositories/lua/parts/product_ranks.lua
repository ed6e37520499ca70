-- product_ranks: of many products, the first of an order. Ranks tell most of them from the first without looking at sort
-- keys, which then tell the rest. A product is an offset here, its number counted from the first one.
local STRIDE, RANKED_FROM, MOST_ARGUMENTS = 16, 300, 5000
local down, count, top = descending == '1', tonumber(wanted), high == '' and '\255' or high

-- Those whose rank is between two bounds, which it may equal; and their ranks.
local function between(offsets, ranks, low, high)
  local kept, values, count = {}, {}, 0
  for place = 1, #offsets do
    local rank = struct.unpack('>d', ranks, 8 * offsets[place] + 1)
    if rank >= low and rank <= high then
      count = count + 1
      kept[count], values[count] = offsets[place], rank
    end
  end
  return kept, values
end

-- The n-th smallest value between two bounds. They are looked at in strides, or else a falling row of them would be
-- sorted whole.
local function smallest(values, low, high, n)
  local best, last = {}, high
  for start = 1, STRIDE do
    for place = start, #values, STRIDE do
      local value = values[place]
      if value < last and value > low then
        best[#best + 1] = value
        if #best == 4 * n + 100 then
          table.sort(best)
          best = {unpack(best, 1, n)}
          last = best[n]
        end
      end
    end
  end
  table.sort(best)
  return best[n] or high
end

-- Those that the first between two bounds are among, as many as are wanted. One whose rank equals a bound's may be on either side of it, so
-- it is kept and not counted.
local function first(offsets, ranks, low, high)
  local kept, values = between(offsets, ranks, low, high)
  if down then
    for place = 1, #values do
      values[place] = -values[place]
    end
    low, high = -high, -low
  end
  local last, found = smallest(values, low, high, count), {}
  for place = 1, #kept do
    if values[place] <= last then
      found[#found + 1] = kept[place]
    end
  end
  return found
end

-- The first of these offsets, as members of the order.
local function gathered(offsets)
  if #offsets > RANKED_FROM then
    offsets = first(offsets, redis.call('GET', ranks), tonumber(low_rank), tonumber(high_rank))
  end
  local found, page = {}, {}
  for start = 1, #offsets, MOST_ARGUMENTS do
    local numbers = {}
    for place = start, math.min(start + MOST_ARGUMENTS - 1, #offsets) do
      numbers[#numbers + 1] = FIRST + offsets[place]
    end
    for _, member in ipairs(redis.call('HMGET', sort_keys, unpack(numbers))) do
      if member > low and member < top then
        found[#found + 1] = member
      end
    end
  end
  table.sort(found)
  for place = 1, math.min(count, #found) do
    page[place] = found[down and #found + 1 - place or place]
  end
  return page
end
