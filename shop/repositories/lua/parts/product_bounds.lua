-- product_bounds: the range of the order that a page is in. Where the page is read backwards, offsets and sort prefixes
-- are negative: what comes first is smaller in both directions.
-- Needs: low_key high_key low_sort_prefix high_sort_prefix are_sort_prefixes_exact descending max_results offset_of
-- Gives: is_descending page_limit high_bound direction is_exact start_prefix end_prefix is_between_bounds
local is_descending, page_limit = descending == '1', tonumber(max_results)
local high_bound = high_key == '' and '\255' or high_key
local direction, is_exact = is_descending and -1 or 1, are_sort_prefixes_exact == '1'

-- Returns the sort prefix of a bound, and the offset in it, where it has one.
local function parse_bound(key, prefix, otherwise)
  return direction * tonumber(prefix), direction * (string.find(key, '\0', 1, true) and offset_of(key) or otherwise)
end

local start_prefix, start_offset = parse_bound(low_key, low_sort_prefix, -math.huge)
local end_prefix, end_offset = parse_bound(high_key, high_sort_prefix, math.huge)
if is_descending then
  start_prefix, start_offset, end_prefix, end_offset = end_prefix, end_offset, start_prefix, start_offset
end

-- Tells whether a product whose sort prefix is that of a bound is between the bounds. Inexact ones leave it open:
-- sort_matches compares the sort keys.
local function is_between_bounds(prefix, offset)
  return not is_exact
    or ((prefix > start_prefix or offset > start_offset) and (prefix < end_prefix or offset < end_offset))
end
