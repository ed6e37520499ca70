-- product_intersection: the server intersects the sets (SINTER), and what is left is sorted by key. It looks up each member
-- of the smallest set in the others. So the size of that set decides what it costs, and that of the catalogue does not.
-- Needs: ZONE_PRODUCTS filter_sets filter_bitmaps has_zones has_price_filter page_limit scan_zones offsets_of_members
-- Needs: passing sort_matches
-- Gives: is_intersection_cheap intersect
-- What a match costs, in look-ups of a member in a set: one that is sorted by key, and one in the order of creation,
-- where zones tell which ones to sort. And what it costs to combine a zone of up to four bitmaps.
local SORTED_MATCH_COST = 40
local ZONED_MATCH_COST = 5
local COMBINED_ZONE_COST = 700
local MAX_INTERSECTION_COST = 50000
-- Matches whose prices are compared.
local MAX_PRICED_MATCHES = 5000

-- Tells whether prices would have to be compared of too many: the estimate is of those that are in the range.
local function are_many_priced()
  local words = {unpack(filter_sets)}
  words[#words + 1], words[#words + 2] = 'LIMIT', MAX_PRICED_MATCHES + 1
  return redis.call('SINTERCARD', #filter_sets, unpack(words)) > MAX_PRICED_MATCHES
end

-- Tells whether intersecting costs no more than its limit, and no more than combining bitmaps: all of them, or in the
-- order of creation as many zones as should fill the page.
local function is_intersection_cheap(smallest_size, matches, products)
  local match_cost = has_zones == '1' and ZONED_MATCH_COST or SORTED_MATCH_COST
  local cost = smallest_size * (#filter_sets - 1) + match_cost * (#filter_sets > 1 and matches or smallest_size)
  local zone_count = products / ZONE_PRODUCTS * (has_zones == '1' and math.min(1, page_limit / matches) or 1) + 1
  local combination_cost = COMBINED_ZONE_COST * zone_count * math.max(1, math.ceil((#filter_bitmaps - 1) / 3))
  local is_cheap = cost <= MAX_INTERSECTION_COST
    and cost <= combination_cost + (has_zones == '1' and 0 or match_cost * matches)
  return is_cheap and not (has_price_filter and are_many_priced())
end

-- Returns the page's members.
local function intersect()
  local members = redis.call('SINTER', unpack(filter_sets))
  return has_zones == '1' and scan_zones(offsets_of_members(members)) or sort_matches(nil, passing(members))
end
