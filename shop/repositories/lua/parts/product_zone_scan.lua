-- product_zone_scan: a page in the order of creation, zone by zone, from the end where the page begins. The scan ends
-- where the page is full and no zone that is left can have a product before its last one.
-- Needs: zones read_zones is_descending page_limit low_sort_prefix high_sort_prefix filter_offsets sort_matches
-- Gives: scan_zones
local lowest_prefix, highest_prefix = tonumber(low_sort_prefix), tonumber(high_sort_prefix)

-- Returns the first page_limit of two pages.
local function merge(page, other)
  if #page == 0 or #other == 0 then
    return #page == 0 and other or page
  end
  local merged, i, j = {}, 1, 1
  -- Bound: page_limit.
  while #merged < page_limit and (page[i] or other[j]) do
    local is_first = page[i] and (not other[j] or (page[i] < other[j]) ~= is_descending)
    merged[#merged + 1] = is_first and page[i] or other[j]
    i, j = is_first and i + 1 or i, is_first and j or j + 1
  end
  return merged
end

-- Returns for each zone the first sort prefix, in the direction of the scan, that it or a later zone of the scan has.
local function first_prefixes(lows, highs, from, to, step)
  local firsts, first = {}, is_descending and -1 or math.huge
  -- Bound: the zones.
  for zone = to, from, -step do
    first = is_descending and math.max(first, highs[zone]) or lows[zone] >= 0 and math.min(first, lows[zone]) or first
    firsts[zone] = first
  end
  return firsts
end

local function is_full(page, first)
  local last = #page == page_limit and tonumber(string.match(page[page_limit], '^%d+'))
  -- Products of one instant are in the order of their numbers, which is the scan's.
  return last and (is_descending and last >= first or not is_descending and last <= first)
end

-- Returns a page's members. `offsets_in` returns the offsets of the matches in a zone.
local function scan_zones(offsets_in)
  local lows, highs = read_zones(zones)
  local from, to, step = is_descending and #lows or 1, is_descending and 1 or #lows, is_descending and -1 or 1
  local firsts, page = first_prefixes(lows, highs, from, to, step), {}
  -- Bound: the zones, one for each ZONE_PRODUCTS products ever created.
  for zone = from, to, step do
    if is_full(page, firsts[zone]) then
      return page
    end
    if highs[zone] >= lowest_prefix and lows[zone] <= highest_prefix then
      page = merge(page, sort_matches((filter_offsets(offsets_in(zone)))))
    end
  end
  return page
end
