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

-- The words of all these strings put together by band or bor. Strings that are missing repeat another: three at a time,
-- because a call costs more than what it does.
local function combined(strings, combine)
  local words, longest = {}, 0
  for _, bits in ipairs(strings) do
    longest = math.max(longest, #bits)
  end
  for start = 1, longest, 4 * CHUNK do
    local chunk, base = chunk_of(strings[1], start), (start - 1) / 4
    for other = 2, #strings, 3 do
      local a = chunk_of(strings[other], start)
      local b = strings[other + 1] and chunk_of(strings[other + 1], start) or a
      local c = strings[other + 2] and chunk_of(strings[other + 2], start) or a
      for place = 1, CHUNK do
        chunk[place] = combine(chunk[place], a[place], b[place], c[place])
      end
    end
    for place = 1, CHUNK do
      words[base + place] = chunk[place]
    end
  end
  return words
end

-- The words that both have in common.
local function common(words, others)
  local both = {}
  for place = 1, math.min(#words, #others) do
    both[place] = band(words[place], others[place])
  end
  return both
end
