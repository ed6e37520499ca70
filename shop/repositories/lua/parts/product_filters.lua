-- product_filters: tells whether products pass the filters of a page. Products are offsets here, as in bitmaps.
-- Needs: BITMAP_SUFFIX unread_sets in_unread_sets filter_offsets
-- Gives: filter_bitmaps load_filters offset_of filter
-- Bytes of bitmaps that are read: those of the smallest sets. Members of the other sets are asked for one by one.
local MAX_BITMAP_BYTES = 2097152
local filter_bitmaps = {}

-- Reads the price bitmaps, and those of sets, which all have one where none of them is small. A bitmap has a byte for
-- each eight products ever created.
local function load_filters(sets, bitmaps, products)
  local max_bitmaps = math.floor(MAX_BITMAP_BYTES / math.max(products / 8, 1))
  -- Bound: two, one for each end of a range of prices.
  for _, bitmap in ipairs(max_bitmaps > 2 and bitmaps or {}) do
    filter_bitmaps[#filter_bitmaps + 1] = redis.call('GET', bitmap) or ''
  end
  -- Bound: the sets of a query, at most 104: 100 words and four others.
  for _, set in ipairs(sets) do
    if #filter_bitmaps < max_bitmaps then
      filter_bitmaps[#filter_bitmaps + 1] = redis.call('GET', set .. BITMAP_SUFFIX)
    else
      unread_sets[#unread_sets + 1] = set
    end
  end
end

-- Returns the offset that the last nine digits of a member or number stand for. string.sub and tonumber would take
-- three times as long. 5333333328 is what the character code of 0 adds in nine digits.
local function offset_of(member)
  local a, b, c, d, e, f, g, h, i = string.byte(member, -9, -1)
  return ((((((((a * 10 + b) * 10 + c) * 10 + d) * 10 + e) * 10 + f) * 10 + g) * 10 + h) * 10 + i) - 5333333328
end

local function has_every_bit(offset)
  local byte, mask = math.floor(offset / 8) + 1, bit.rshift(128, offset % 8)
  -- Bound: the bitmaps of a query, at most 106.
  for i = 1, #filter_bitmaps do
    if bit.band(string.byte(filter_bitmaps[i], byte) or 0, mask) == 0 then
      return false
    end
  end
  return true
end

-- Returns the offsets of the members that pass the filters, and these members.
local function filter(members)
  local offsets, matches, count = {}, {}, 0
  -- Bound: the members given, at most a set without a bitmap, MAX_PRICED_MATCHES, a sample or a step of scan_order.
  for i = 1, #members do
    local offset = offset_of(members[i])
    if has_every_bit(offset) then
      count = count + 1
      offsets[count], matches[count] = offset, members[i]
    end
  end
  if #unread_sets > 0 then
    offsets, matches = {}, in_unread_sets(matches)
    -- Bound: the members given.
    for i = 1, #matches do
      offsets[i] = offset_of(matches[i])
    end
  end
  return filter_offsets(offsets, matches)
end
