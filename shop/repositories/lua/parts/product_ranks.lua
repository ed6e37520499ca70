-- product_ranks: of many products, the first of an order. Ranks tell most of them from the first without looking at
-- sort keys, which then tell the rest; where ranks are exact, all of them: of equal ones the numbers decide. A product
-- is an offset here, its number counted from the first one. Backwards, offsets and ranks are negative.
local STRIDE, KEPT = 16, 300
local down, count, top = descending == '1', tonumber(wanted), high == '' and '\255' or high
local sign, is_exact = down and -1 or 1, exact == '1'

-- A bound's rank, and the offset in it, where it has one.
local function bound_of(key, rank, otherwise)
  return sign * tonumber(rank), sign * (string.find(key, '\0', 1, true) and offset_of(key) or otherwise)
end

local low_value, low_offset = bound_of(low, low_rank, -math.huge)
local high_value, high_offset = bound_of(high, high_rank, math.huge)
if down then
  low_value, low_offset, high_value, high_offset = high_value, high_offset, low_value, low_offset
end

-- Whether a product whose rank is a bound's is between the bounds. Ranks that are not exact leave it open.
local function is_within(rank, offset)
  return not is_exact
    or ((rank > low_value or offset > low_offset) and (rank < high_value or offset < high_offset))
end

-- Of these offsets as many as are wanted, the ranks of these, and the last one's. Where ranks are not exact, all that
-- have the last rank are kept, and what is at a bound is not counted.
local function nearest(offsets, ranks)
  local counted, kept, their, last_ones = {}, {}, {}, {}
  for place = 1, #ranks do
    if is_exact or (ranks[place] > low_value and ranks[place] < high_value) then
      counted[#counted + 1] = ranks[place]
    end
  end
  table.sort(counted)
  local last = counted[count] or high_value
  for place = 1, #ranks do
    if ranks[place] < last then
      kept[#kept + 1], their[#their + 1] = offsets[place], ranks[place]
    elseif ranks[place] == last then
      last_ones[#last_ones + 1] = offsets[place]
    end
  end
  table.sort(last_ones)
  for place = 1, is_exact and math.min(#last_ones, count - #kept) or #last_ones do
    kept[#kept + 1], their[#their + 1] = last_ones[place], last
  end
  return kept, their, last
end

-- The bits in these words that the wanted products are among. Words are looked at in strides, or else in a falling row
-- of ranks every one would be among the first for a while.
local function sifted(words)
  local column, offsets, kept, last, most = redis.call('GET', ranks), {}, {}, high_value, 4 * count + KEPT
  for start = 1, STRIDE do
    for place = start, #words, STRIDE do
      local word = words[place]
      while word ~= 0 do
        local lowest = band(word, -word)
        local offset = 32 * (place - 1) + PLACES[lowest]
        local rank = sign * struct.unpack('>d', column, 8 * offset + 1)
        if rank <= last and rank >= low_value
          and (rank > low_value and rank < high_value or is_within(rank, sign * offset))
          and (not is_priced or is_affordable(offset)) then
          offsets[#offsets + 1], kept[#kept + 1] = sign * offset, rank
          if #kept == most then
            offsets, kept, last = nearest(offsets, kept)
            most = 2 * #kept + KEPT
          end
        end
        word = bxor(word, lowest)
      end
    end
  end
  offsets = nearest(offsets, kept)
  for place = 1, #offsets do
    offsets[place] = sign * offsets[place]
  end
  return offsets
end
