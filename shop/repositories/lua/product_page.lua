-- product_page: up to max_results products that are in all the sets and in the range of prices, between two bounds of
-- an order, each as one text; before them the key where the next page goes on, "" unless the search ended at its limit.
-- The selectivity of the filters, estimated from the sizes of the sets and a sample, decides how they are found:
-- a small set, or one that has no bitmap yet: the sets are intersected, and the first matches by key are taken;
-- few products in the range of prices, of the category and company that the query names: they are filtered, and the
-- first matches by key are taken;
-- most products of the index match: it is scanned until the page is full. The index is that of the whole order, or of
-- the category and company that the query names;
-- a set that is small beside the catalogue: the sets are intersected, too;
-- otherwise: the bitmaps of the sets are combined, zone by zone in the order of creation; in other orders all at once,
-- and their top-k found by sort prefixes. Of more than MAX_COMBINED_PRODUCTS, they are combined if few are left.
-- What none of these finds within its limits is found by a scan of the order, which ends at MAX_SCAN_COST. No way costs
-- more in a larger catalogue.
-- KEYS: index sort_keys sort_prefixes blocks zones price_index price_sort_keys price_sort_prefixes product_ids
-- ARGV: low_key high_key low_sort_prefix high_sort_prefix low_block high_block are_sort_prefixes_exact has_zones low_price_key high_price_key min_price max_price descending max_results sets price_bitmaps block_prefix product_prefix fields
-- Uses: index_sets bitmaps product_unread_sets product_prices product_filters product_bounds product_estimates product_top_k product_sort product_order_scan product_scans product_zones product_zone_offsets product_zone_scan product_combination product_intersection product_records
-- Entries of the order that are scanned rather than all products are combined: so many, or one of SCAN_ORDER_DIVISOR;
-- at most SCAN_ORDER_LIMIT, however large the catalogue is.
local SCAN_ORDER_THRESHOLD = 500
local SCAN_ORDER_DIVISOR = 100
local SCAN_ORDER_LIMIT = 3000
-- Products in a range of prices that are sorted by key rather than all are combined: so many, and one of SORT_DIVISOR.
local SORT_THRESHOLD = 5000
local SORT_DIVISOR = 30
-- Products ever created, beyond which bitmaps and columns are not read whole.
local MAX_COMBINED_PRODUCTS = 100000
-- What all scanned or filtered entries may cost, by entry_cost, and how many are read at once.
local MAX_SCAN_COST = 12000
local SCAN_STEP = 1000

-- Tells whether so many products are few enough to filter and sort.
local function are_few(size, products)
  return size <= math.min(SORT_THRESHOLD, products / SORT_DIVISOR) and size * entry_cost() <= MAX_SCAN_COST
end

-- Returns the page's members where all bitmaps are combined; nil where that takes too much.
local function combined(matches, products, max_scanned)
  if has_zones == '1' then
    return #unread_sets == 0 and scan_zones(offsets_of_bitmaps)
  elseif products > MAX_COMBINED_PRODUCTS then
    return sort_combined(matches, products)
  end
  return scan_bitmaps(matches, 2 * entries_to_read(matches, redis.call('HLEN', sort_keys)), max_scanned)
end

local function search_selective()
  load_filters({}, cjson.decode(price_bitmaps), 0)
  return intersect()
end

-- Returns the page's members from the first way that fills it within its limits; nil where none does.
local function search_large(smallest_size, total)
  local products = redis.call('STRLEN', price_sort_prefixes) / 8
  load_filters(filter_sets, cjson.decode(price_bitmaps), products)
  local priced = count_in_price_range()
  local matches, max_scanned = estimate_matches(smallest_size, priced), math.floor(MAX_SCAN_COST / entry_cost())
  local entries = entries_to_read(matches, total)
  local max_entries = math.min(SCAN_ORDER_LIMIT, math.max(SCAN_ORDER_THRESHOLD, total / SCAN_ORDER_DIVISOR))
  if priced < smallest_size and (priced <= entries or entries > max_entries) and are_few(priced, products) then
    local from, to = '(' .. low_price_key, '(' .. high_price_bound
    return sort_matches((filter(redis.call('ZRANGE', price_index, from, to, 'BYLEX'))))
  end
  local page = entries <= max_entries and scan_order(math.min(3 * entries, max_scanned), entries)
  if not page and filter_sets[1] and is_intersection_cheap(smallest_size, matches, products) then
    page = intersect()
  end
  if not page and #filter_bitmaps > 0 then
    page = combined(matches, products, max_scanned)
  end
  return page or scan_order(max_scanned, math.min(SCAN_STEP, max_scanned))
end

local sizes, total = sort_by_size(), redis.call('ZCARD', index)
local smallest_size = sizes[filter_sets[1]] or total
local is_selective = filter_sets[1] and (smallest_size <= BITMAP_THRESHOLD or not have_bitmaps())
local page, cut = is_selective and search_selective() or search_large(smallest_size, total), ''
if not page then
  page, cut = scanned_part()
end
return {cut, product_records(page, page_limit)}
