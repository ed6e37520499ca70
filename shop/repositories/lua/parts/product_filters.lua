-- product_filters: tells whether products pass the filters of a page. Products are offsets here, as in bitmaps.
-- Needs: BITMAP_SUFFIX NUMBER_BASE min_price max_price low_price_key high_price_key price_sort_keys price_sort_prefixes
-- Gives: MAX_HMGET_FIELDS filter_bitmaps has_price_filter high_price_bound load_filters load_prices offset_of
-- Gives: is_in_price_range filter_offsets filter
local MAX_HMGET_FIELDS = 5000
local filter_bitmaps, price_column, has_price_filter = {}, '', min_price .. max_price ~= ''
local lowest_price, highest_price = tonumber(min_price) or 0, tonumber(max_price) or math.huge
local high_price_bound = high_price_key == '' and '\255' or high_price_key

-- Reads the bitmaps of sets, which all have one where none of them is small, and the price bitmaps.
local function load_filters(sets, bitmaps)
  -- Bound: the sets of a query, at most 104: 100 words and four others.
  for _, set in ipairs(sets) do
    filter_bitmaps[#filter_bitmaps + 1] = redis.call('GET', set .. BITMAP_SUFFIX)
  end
  -- Bound: two, one for each end of a range of prices.
  for _, bitmap in ipairs(bitmaps) do
    filter_bitmaps[#filter_bitmaps + 1] = redis.call('GET', bitmap) or ''
  end
end

-- Reads the prices of all products, for a scan of many.
local function load_prices()
  price_column = has_price_filter and redis.call('GET', price_sort_prefixes)
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

local function is_in_price_range(offset)
  local price = struct.unpack('>d', price_column, 8 * offset + 1)
  return price >= lowest_price and price <= highest_price
end

-- Returns the offsets whose prices are in the range, by the sort keys of these alone; and of `members`, which belong to
-- the offsets, those that are left.
local function filter_offsets(offsets, members)
  if not has_price_filter then
    return offsets, members
  end
  local left, matches = {}, {}
  -- Bound: the offsets given, MAX_HMGET_FIELDS at a time.
  for start = 1, #offsets, MAX_HMGET_FIELDS do
    local numbers = {}
    -- Bound: MAX_HMGET_FIELDS.
    for i = start, math.min(start + MAX_HMGET_FIELDS - 1, #offsets) do
      numbers[#numbers + 1] = NUMBER_BASE + offsets[i]
    end
    -- Bound: MAX_HMGET_FIELDS.
    for i, price in ipairs(redis.call('HMGET', price_sort_keys, unpack(numbers))) do
      if price > low_price_key and price < high_price_bound then
        left[#left + 1], matches[#matches + 1] = offsets[start + i - 1], members and members[start + i - 1]
      end
    end
  end
  return left, matches
end

-- Returns the offsets of the members that pass the filters, and these members.
local function filter(members)
  local offsets, matches, count = {}, {}, 0
  -- Bound: the members given, at most a set without a bitmap, a sample or a step of scan_order.
  for i = 1, #members do
    local offset = offset_of(members[i])
    if has_every_bit(offset) then
      count = count + 1
      offsets[count], matches[count] = offset, members[i]
    end
  end
  return filter_offsets(offsets, matches)
end
