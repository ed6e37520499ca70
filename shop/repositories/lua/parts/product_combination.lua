-- product_combination: in a large catalogue, the few matches of several large sets: their bitmaps are combined zone by
-- zone, and what is left is sorted by key.
-- Needs: ZONE_PRODUCTS filter_bitmaps unread_sets offsets_of_bitmaps filter_offsets sort_matches
-- Gives: sort_combined
-- Zones, times a third of the bitmaps; and the matches in them.
local MAX_COMBINED_ZONES = 320
local MAX_COMBINED_MATCHES = 5000

-- Returns the page's members; nil where the sets are too many for so many products, or the matches are.
local function sort_combined(matches, products)
  local zone_count, found = math.ceil(products / ZONE_PRODUCTS), {}
  local cost = zone_count * math.max(1, math.ceil((#filter_bitmaps - 1) / 3))
  if #unread_sets > 0 or matches > MAX_COMBINED_MATCHES or cost > MAX_COMBINED_ZONES then
    return nil
  end
  -- Bound: MAX_COMBINED_ZONES.
  for zone = 1, zone_count do
    local offsets = offsets_of_bitmaps(zone)
    -- Bound: ZONE_PRODUCTS.
    for i = 1, #offsets do
      found[#found + 1] = offsets[i]
    end
    if #found > MAX_COMBINED_MATCHES then
      return nil
    end
  end
  return sort_matches((filter_offsets(found)))
end
