-- product_page: up to max_results products that are in all the sets and in the range of prices, between two bounds of
-- an order, each as one text. The selectivity of the filters, estimated from the sizes of the sets and a sample, decides
-- how they are found:
-- a small set, or one that has no bitmap yet: the sets are intersected, and the first matches by key are taken;
-- most products of the index match: it is scanned until the page is full. The index is that of the whole order, or of
-- one category or company that the query names;
-- a set of few of the products, in another order than that of creation: its members are filtered, and the first matches
-- by key are taken;
-- otherwise: the bitmaps of the sets are combined, zone by zone in the order of creation; in other orders all at once,
-- and their top-k found by sort prefixes.
-- KEYS: index sort_keys sort_prefixes blocks zones price_index price_sort_keys price_sort_prefixes product_ids
-- ARGV: low_key high_key low_sort_prefix high_sort_prefix low_block high_block are_sort_prefixes_exact has_zones low_price_key high_price_key min_price max_price descending max_results sets price_bitmaps block_prefix product_prefix fields
-- Uses: index_sets bitmaps product_filters product_bounds product_top_k product_sort product_scans product_zones product_zone_offsets product_zone_scan product_records
local SELECTIVITY_SAMPLE_SIZE = 64
-- Entries of the order that are scanned rather than all products are combined: so many, or one of SCAN_ORDER_DIVISOR;
-- at most SCAN_ORDER_LIMIT, however large the catalogue is.
local SCAN_ORDER_THRESHOLD = 500
local SCAN_ORDER_DIVISOR = 100
local SCAN_ORDER_LIMIT = 3000
-- Members of a set that are sorted by key rather than all products are combined: so many, and one of SORT_DIVISOR.
local SORT_THRESHOLD = 5000
local SORT_DIVISOR = 30
-- So much more of the order is read than the estimate says, because a second read costs more.
local SCAN_MARGIN = 1.3
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
local function estimate_matches(size)
  if #filter_sets > 1 or filter_sets[1] and has_price_filter then
    local sample = redis.call('SRANDMEMBER', filter_sets[1], -SELECTIVITY_SAMPLE_SIZE)
    size = size * (#filter(sample) + 0.5) / SELECTIVITY_SAMPLE_SIZE
  end
  if has_price_filter then
    size = math.min(size, redis.call('ZLEXCOUNT', price_index, '(' .. low_price_key, '(' .. high_price_bound))
  end
  return size
end

-- Returns how many entries of an index of so many products should fill the page.
local function entries_to_read(matches, total)
  return math.max(page_limit, math.ceil(SCAN_MARGIN * page_limit * total / math.max(matches, 1)))
end

local function search()
  local sizes, total = sort_by_size(), redis.call('ZCARD', index)
  local smallest_size = sizes[filter_sets[1]] or total
  local is_selective = filter_sets[1] and (smallest_size <= BITMAP_THRESHOLD or not have_bitmaps())
  load_filters(is_selective and {} or filter_sets, cjson.decode(price_bitmaps))
  if is_selective then
    local members = redis.call('SINTER', unpack(filter_sets))
    return has_zones == '1' and scan_zones(offsets_of_members(members)) or sort_matches(nil, passing(members))
  end
  local matches = estimate_matches(smallest_size)
  local entries = entries_to_read(matches, total)
  if #filter_bitmaps == 0 then
    return scan_order(math.huge, entries)
  end
  local max_entries = math.min(SCAN_ORDER_LIMIT, math.max(SCAN_ORDER_THRESHOLD, total / SCAN_ORDER_DIVISOR))
  local page = entries <= max_entries and scan_order(3 * entries, entries)
  if page or has_zones == '1' then
    return page or scan_zones(offsets_of_bitmaps)
  elseif smallest_size <= math.min(SORT_THRESHOLD, total / SORT_DIVISOR) then
    return sort_matches(nil, passing(redis.call('SMEMBERS', filter_sets[1])))
  end
  return scan_bitmaps(matches, 2 * entries_to_read(matches, redis.call('HLEN', sort_keys)))
end

return product_records(search(), page_limit)
