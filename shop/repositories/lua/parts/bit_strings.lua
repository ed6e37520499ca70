-- bit_strings: what large sets have in common, found in the strings of bits that stand for them, a word of 32 bits at
-- a time.
local CHUNK = 128
local FORMAT = '>' .. string.rep('I4', CHUNK)
local band, bor, bxor = bit.band, bit.bor, bit.bxor
local PLACES, NOTHING = {}, string.rep('\0', 4 * CHUNK)
for place = 0, 31 do
  PLACES[bit.lshift(1, place)] = 31 - place
end

-- The words of a chunk. A string ends where only zeros would follow.
local function chunk_of(bits, start)
  if #bits < start + 4 * CHUNK - 1 then
    bits, start = string.sub(bits, start) .. NOTHING, 1
  end
  return {struct.unpack(FORMAT, bits, start)}
end

-- A chunk of all the strings put together by band or bor; strings that are missing repeat the first. Three at a time,
-- because a call costs more than what it does.
local function combined(strings, start, combine)
  local words = chunk_of(strings[1], start)
  for other = 2, #strings, 3 do
    local a = chunk_of(strings[other], start)
    local b = strings[other + 1] and chunk_of(strings[other + 1], start) or a
    local c = strings[other + 2] and chunk_of(strings[other + 2], start) or a
    for place = 1, CHUNK do
      words[place] = combine(words[place], a[place], b[place], c[place])
    end
  end
  return words
end

-- The words that all of `every` have in common with those of `some` together, which may be none.
local function common(every, some)
  local words, longest = {}, 0
  for _, bits in ipairs(#some > 0 and some or every) do
    longest = math.max(longest, #bits)
  end
  for start = 1, longest, 4 * CHUNK do
    local base, chunk = (start - 1) / 4, combined(every, start, band)
    local zone = #some > 0 and combined(some, start, bor)
    for place = 1, CHUNK do
      words[base + place] = zone and band(chunk[place], zone[place]) or chunk[place]
    end
  end
  return words
end
