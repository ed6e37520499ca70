-- product_prices: tells whether the prices of products are in the range of a page.
-- Needs: NUMBER_BASE MAX_HMGET_FIELDS min_price max_price low_price_key high_price_key price_index price_sort_keys
-- Needs: price_sort_prefixes
-- Gives: has_price_filter high_price_bound count_in_price_range load_prices is_in_price_range filter_offsets
local price_column, has_price_filter = '', min_price .. max_price ~= ''
local lowest_price, highest_price = tonumber(min_price) or 0, tonumber(max_price) or math.huge
local high_price_bound = high_price_key == '' and '\255' or high_price_key

local function count_in_price_range()
  return has_price_filter and redis.call('ZLEXCOUNT', price_index, '(' .. low_price_key, '(' .. high_price_bound)
    or math.huge
end

-- Reads the prices of all products, for a scan of many.
local function load_prices()
  price_column = has_price_filter and redis.call('GET', price_sort_prefixes)
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
