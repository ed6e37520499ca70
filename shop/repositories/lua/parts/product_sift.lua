-- product_sift: of very many products, the numbers of the few that the first `wanted` of an order are among.
local WORDS, STRIDE = 128, 16
local band, bxor, unpacked = bit.band, bit.bxor, struct.unpack
local FORMAT = '>' .. string.rep('I4', WORDS)
local PLACES = {}
for place = 0, 31 do
  PLACES[bit.lshift(1, place)] = 31 - place
end

-- The offsets, counted from the first number, at which all the strings have a bit.
local function common(strings)
  local found, count, shortest = {}, 0, math.huge
  for place, bits in ipairs(strings) do
    shortest = math.min(shortest, #bits)
    strings[place] = bits .. string.rep('\0', 4 * WORDS)
  end
  for start = 1, shortest, 4 * WORDS do
    local words = {unpacked(FORMAT, strings[1], start)}
    for other = 2, #strings do
      local more = {unpacked(FORMAT, strings[other], start)}
      for place = 1, WORDS do
        words[place] = band(words[place], more[place])
      end
    end
    for place = 1, WORDS do
      local word, offset = words[place], 8 * (start - 1) + 32 * (place - 1)
      while word ~= 0 do
        local lowest = band(word, -word)
        count = count + 1
        found[count] = offset + PLACES[lowest]
        word = bxor(word, lowest)
      end
    end
  end
  return found
end

-- The n-th smallest value. They are looked at in strides, because runs in falling order would all have to be sorted.
local function smallest(values, n)
  local best, last = {}, math.huge
  for start = 1, STRIDE do
    for place = start, #values, STRIDE do
      local value = values[place]
      if value < last then
        best[#best + 1] = value
        if #best == 4 * n + 100 then
          table.sort(best)
          for surplus = #best, n + 1, -1 do
            best[surplus] = nil
          end
          last = best[n]
        end
      end
    end
  end
  table.sort(best)
  return best[n] or math.huge
end

-- Of these offsets those whose rank is between two bounds and not behind the n-th. What is at a bound may be before or
-- behind it, so it is kept and not counted.
local function first(offsets, ranks, sign, low, high, n)
  local kept, counted, values = {}, {}, {}
  for place = 1, #offsets do
    local rank = unpacked('>d', ranks, 8 * offsets[place] + 1)
    if rank >= low and rank <= high then
      kept[#kept + 1], values[#values + 1] = offsets[place], sign * rank
      if rank > low and rank < high then
        counted[#counted + 1] = sign * rank
      end
    end
  end
  local last, numbers = smallest(counted, n), {}
  for place = 1, #kept do
    if values[place] <= last then
      numbers[#numbers + 1] = string.format('%.0f', FIRST + kept[place])
    end
  end
  return numbers
end
