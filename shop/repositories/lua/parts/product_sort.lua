-- product_sort: the last step of a page: from offsets to members of the order, sorted by their keys.
-- Needs: NUMBER_BASE MAX_HMGET_FIELDS sort_keys low_key high_bound is_descending page_limit
-- Gives: sort_matches
-- Returns the first page_limit of these offsets within the bounds, as members of the order.
local function sort_matches(offsets)
  local matches, page = {}, {}
  -- Bound: the offsets given, MAX_HMGET_FIELDS at a time. They are at most a set without a bitmap; or
  -- page_limit from top_k, and by name those that share the first or last sort prefix of a page.
  for start = 1, #offsets, MAX_HMGET_FIELDS do
    local numbers = {}
    -- Bound: MAX_HMGET_FIELDS.
    for i = start, math.min(start + MAX_HMGET_FIELDS - 1, #offsets) do
      numbers[#numbers + 1] = NUMBER_BASE + offsets[i]
    end
    -- Bound: MAX_HMGET_FIELDS.
    for _, member in ipairs(redis.call('HMGET', sort_keys, unpack(numbers))) do
      if member > low_key and member < high_bound then
        matches[#matches + 1] = member
      end
    end
  end
  table.sort(matches)
  -- Bound: page_limit.
  for i = 1, math.min(page_limit, #matches) do
    page[i] = matches[is_descending and #matches + 1 - i or i]
  end
  return page
end
