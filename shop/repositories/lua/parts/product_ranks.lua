-- product_ranks: of many products, the first of an order. Ranks tell most of them from the first without looking at
-- sort keys, which then tell the rest. A product is an offset here, its number counted from the first one.
local STRIDE, KEPT, MOST_ARGUMENTS = 16, 300, 5000
local down, count, top = descending == '1', tonumber(wanted), high == '' and '\255' or high

-- Of these offsets those whose rank is not behind the last that is wanted, their ranks, and that one's. A rank at a
-- bound may belong before or behind it, so it is kept and not counted.
local function nearest(offsets, ranks, low, high)
  local inside = {}
  for place = 1, #ranks do
    if ranks[place] > low and ranks[place] < high then
      inside[#inside + 1] = ranks[place]
    end
  end
  table.sort(inside)
  local last, kept, their = inside[count] or high, {}, {}
  for place = 1, #ranks do
    if ranks[place] <= last then
      kept[#kept + 1], their[#their + 1] = offsets[place], ranks[place]
    end
  end
  return kept, their, last
end

-- The offsets of the bits in these words that the wanted products are among. Words are looked at in strides, or else in
-- a falling row of ranks every one would be among the first for a while.
local function sifted(words)
  local column, sign = redis.call('GET', ranks), down and -1 or 1
  local low, high = tonumber(low_rank), tonumber(high_rank)
  if down then
    low, high = -high, -low
  end
  local offsets, kept, last, most = {}, {}, high, 4 * count + KEPT
  for start = 1, STRIDE do
    for place = start, #words, STRIDE do
      local word = words[place]
      while word ~= 0 do
        local lowest = band(word, -word)
        local offset = 32 * (place - 1) + PLACES[lowest]
        local rank = sign * struct.unpack('>d', column, 8 * offset + 1)
        if rank <= last and rank >= low and is_affordable(offset) then
          offsets[#offsets + 1], kept[#kept + 1] = offset, rank
          if #kept == most then
            offsets, kept, last = nearest(offsets, kept, low, high)
            most = 2 * #kept + KEPT
          end
        end
        word = bxor(word, lowest)
      end
    end
  end
  return (nearest(offsets, kept, low, high))
end

-- The first of these offsets, as members of the order.
local function gathered(offsets)
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
