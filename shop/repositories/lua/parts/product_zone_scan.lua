-- product_zone_scan: a page in the order of creation, zone by zone, from the end where the page begins. The scan ends
-- where the page is full and no zone that is left can have a product before its last one, or where it has cost too much.
-- Needs: ZONE_BYTES zones read_zones is_descending page_limit low_sort_prefix high_sort_prefix filter_offsets sort_matches
-- Needs: filter_bitmaps
-- Gives: scan_zones
-- Of a scan that is given up: a match costs 1, and a zone ZONE_COST for each three bitmaps.
local MAX_ZONES_COST = 15000
local ZONE_COST = 50
-- Beyond so many, the zone map is not read.
local MAX_ZONES = 1024
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

-- Returns a page's members; nil where it takes too much. `offsets_in` returns the offsets of the matches in a zone.
local function scan_zones(offsets_in)
  if redis.call('STRLEN', zones) > MAX_ZONES * ZONE_BYTES then
    return nil
  end
  local lows, highs = read_zones(zones)
  local from, to, step = is_descending and #lows or 1, is_descending and 1 or #lows, is_descending and -1 or 1
  local firsts, page, cost = first_prefixes(lows, highs, from, to, step), {}, 0
  -- Bound: the zones, at most MAX_ZONES.
  for zone = from, to, step do
    if is_full(page, firsts[zone]) then
      return page
    end
    if highs[zone] >= lowest_prefix and lows[zone] <= highest_prefix then
      local offsets = offsets_in(zone)
      cost = cost + #offsets + ZONE_COST * math.max(1, math.ceil((#filter_bitmaps - 1) / 3))
      if cost > MAX_ZONES_COST then
        return nil
      end
      page = merge(page, sort_matches((filter_offsets(offsets))))
    end
  end
  return page
end
