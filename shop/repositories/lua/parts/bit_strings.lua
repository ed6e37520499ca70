-- bit_strings: what large sets have in common, found in the strings of bits that stand for them.
local WORDS = 128
local band, bxor = bit.band, bit.bxor
local PLACES = {}
for place = 0, 31 do
  PLACES[bit.lshift(1, place)] = 31 - place
end

-- Adds the offsets of the bits of a word.
local function spread(word, offset, found)
  local count = #found
  while word ~= 0 do
    local lowest = band(word, -word)
    count = count + 1
    found[count] = offset + PLACES[lowest]
    word = bxor(word, lowest)
  end
end

-- The offsets at which all the strings have a bit.
local function common(strings)
  local found, shortest, format = {}, math.huge, '>' .. string.rep('I4', WORDS)
  for place, bits in ipairs(strings) do
    shortest = math.min(shortest, #bits)
    strings[place] = bits .. string.rep('\0', 4 * WORDS)
  end
  for start = 1, shortest, 4 * WORDS do
    local words = {struct.unpack(format, strings[1], start)}
    for other = 2, #strings do
      local more = {struct.unpack(format, strings[other], start)}
      for place = 1, WORDS do
        words[place] = band(words[place], more[place])
      end
    end
    for place = 1, WORDS do
      if words[place] ~= 0 then
        spread(words[place], 8 * (start - 1) + 32 * (place - 1), found)
      end
    end
  end
  return found
end
