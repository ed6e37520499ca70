-- bitmaps: AND and OR of bitmap indexes, as words of 32 bits. A bitmap has a bit for every product number there is; a
-- product's offset in it is its number less NUMBER_BASE. The server's BITOP writes its result, which a replica refuses.
-- Gives: band bor bxor BIT_POSITIONS combine_bitmaps intersect_words
local CHUNK_WORDS = 128
local CHUNK_BYTES = 4 * CHUNK_WORDS
local CHUNK_FORMAT = '>' .. string.rep('I4', CHUNK_WORDS)
local ZERO_CHUNK = string.rep('\0', CHUNK_BYTES)
local band, bor, bxor = bit.band, bit.bor, bit.bxor
-- A word of one bit, to the bit's offset in the word.
local BIT_POSITIONS = {}
-- Bound: 32 bits.
for position = 0, 31 do
  BIT_POSITIONS[bit.lshift(1, position)] = 31 - position
end

-- Returns the words of a chunk. A bitmap ends where only zeros would follow.
local function unpack_chunk(bitmap, start)
  if #bitmap < start + CHUNK_BYTES - 1 then
    bitmap, start = string.sub(bitmap, start) .. ZERO_CHUNK, 1
  end
  return {struct.unpack(CHUNK_FORMAT, bitmap, start)}
end

-- Returns the words of the bitmaps combined by band or bor. Three bitmaps are combined at a time, because a call costs
-- more than what it does; a missing one repeats another, which changes nothing.
local function combine_bitmaps(bitmaps, operation)
  local words, max_bytes = {}, 0
  -- Bound: the bitmaps of a query, at most 106: 100 words, four other sets, two of prices. Or MAX_BLOCKS.
  for _, bitmap in ipairs(bitmaps) do
    max_bytes = math.max(max_bytes, #bitmap)
  end
  -- Bound: one chunk for each 4,096 products ever created.
  for start = 1, max_bytes, CHUNK_BYTES do
    local chunk, base = unpack_chunk(bitmaps[1], start), (start - 1) / 4
    -- Bound: a third of the bitmaps.
    for other = 2, #bitmaps, 3 do
      local a = unpack_chunk(bitmaps[other], start)
      local b = bitmaps[other + 1] and unpack_chunk(bitmaps[other + 1], start) or a
      local c = bitmaps[other + 2] and unpack_chunk(bitmaps[other + 2], start) or a
      -- Bound: CHUNK_WORDS.
      for i = 1, CHUNK_WORDS do
        chunk[i] = operation(chunk[i], a[i], b[i], c[i])
      end
    end
    -- Bound: CHUNK_WORDS.
    for i = 1, CHUNK_WORDS do
      words[base + i] = chunk[i]
    end
  end
  return words
end

-- Returns the AND of two lists of words.
local function intersect_words(words, others)
  local intersection = {}
  -- Bound: one word for each 32 products ever created, rounded up to a chunk.
  for i = 1, math.min(#words, #others) do
    intersection[i] = band(words[i], others[i])
  end
  return intersection
end
