-- product_estimates: how many products match, and what it costs to look at each.
-- Needs: sets has_price_filter BITMAP_SUFFIX filter filter_bitmaps unread_sets page_limit
-- Gives: filter_sets sort_by_size have_bitmaps estimate_matches entries_to_read entry_cost
local SELECTIVITY_SAMPLE_SIZE = 64
-- So much more of the order is read than the estimate says, because a second read costs more.
local SCAN_MARGIN = 1.3
-- What a bit of a bitmap costs, in what it costs to read an entry, to compare its price, or to ask whether it is in a
-- set.
local BIT_COST = 0.2
local filter_sets = cjson.decode(sets)

-- Sorts the sets by size. Returns the sizes.
local function sort_by_size()
  local sizes = {}
  -- Bound: the sets of a query, at most 104: 100 words and four others.
  for _, set in ipairs(filter_sets) do
    sizes[set] = redis.call('SCARD', set)
  end
  table.sort(filter_sets, function(a, b) return sizes[a] < sizes[b] end)
  return sizes
end

-- Tells whether the sets have bitmaps. A set that has just passed the threshold may wait for its own.
local function have_bitmaps()
  local bitmaps = {}
  -- Bound: the sets of a query, at most 104: 100 words and four others.
  for place, set in ipairs(filter_sets) do
    bitmaps[place] = set .. BITMAP_SUFFIX
  end
  return redis.call('EXISTS', unpack(bitmaps)) == #bitmaps
end

-- Estimates the number of matches by the filters' selectivity on a sample of the smallest set, where there is more than
-- that set. Half a match more than were found, so that no estimate is 0.
local function estimate_matches(size, priced)
  if #filter_sets > 1 or filter_sets[1] and has_price_filter then
    local sample = redis.call('SRANDMEMBER', filter_sets[1], -SELECTIVITY_SAMPLE_SIZE)
    size = size * (#filter(sample) + 0.5) / SELECTIVITY_SAMPLE_SIZE
  end
  return math.min(size, priced)
end

-- Returns how many entries of an index of so many products should fill the page.
local function entries_to_read(matches, total)
  return math.max(page_limit, math.ceil(SCAN_MARGIN * page_limit * total / math.max(matches, 1)))
end

-- Returns what it costs at most to read an entry of an index and to filter it.
local function entry_cost()
  return 1 + BIT_COST * #filter_bitmaps + (has_price_filter and 1 or 0) + #unread_sets
end
