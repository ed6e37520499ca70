-- product_zone_offsets: the matches in a zone, as offsets: of bitmaps, or of members of small sets.
-- Needs: ZONE_PRODUCTS is_descending filter_bitmaps combine_bitmaps band bxor BIT_POSITIONS offset_of
-- Gives: offsets_of_bitmaps offsets_of_members
-- Returns the offsets in a zone whose bits all bitmaps have.
local function offsets_of_bitmaps(zone)
  local start, chunks, offsets = ZONE_PRODUCTS / 8 * (zone - 1), {}, {}
  -- Bound: the bitmaps of a query, at most 106.
  for i = 1, #filter_bitmaps do
    chunks[i] = string.sub(filter_bitmaps[i], start + 1, start + ZONE_PRODUCTS / 8)
    if not string.find(chunks[i], '[^%z]') then
      return offsets
    end
  end
  -- Bound: a word for each 32 products of the zone.
  for i, word in ipairs(combine_bitmaps(chunks, band)) do
    -- Bound: 32 bits; each turn clears one.
    while word ~= 0 do
      local lowest_bit = band(word, -word)
      offsets[#offsets + 1] = ZONE_PRODUCTS * (zone - 1) + 32 * (i - 1) + BIT_POSITIONS[lowest_bit]
      word = bxor(word, lowest_bit)
    end
  end
  return offsets
end

-- Returns a function that returns the offsets in a zone among members of a set. A set of integers lists them in order.
local function offsets_of_members(members)
  -- Bound: the members of a set without a bitmap.
  for i = 2, #members do
    if members[i] < members[i - 1] then
      table.sort(members)
      break
    end
  end
  local place, step = is_descending and #members or 1, is_descending and -1 or 1
  return function(zone)
    local offsets = {}
    -- Bound: the members, each once in all zones.
    while members[place] do
      local offset = offset_of(members[place])
      local zones_ahead = step * (math.floor(offset / ZONE_PRODUCTS) + 1 - zone)
      if zones_ahead > 0 then
        break
      elseif zones_ahead == 0 then
        offsets[#offsets + 1] = offset
      end
      place = place + step
    end
    return offsets
  end
end
