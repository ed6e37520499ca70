-- product_sort: the last step of a page: from offsets to members of the order, sorted by their keys.
-- Needs: NUMBER_BASE MAX_HMGET_FIELDS sort_keys low_key high_bound is_descending page_limit
-- Needs: filter has_price_filter
-- Gives: passing sort_matches

-- Sorts members by their keys, and returns the first page_limit of them.
local function sorted_page(matches)
  local count, page = #matches, {}
  table.sort(matches)
  -- Bound: page_limit.
  for i = 1, math.min(page_limit, count) do
    page[i] = matches[is_descending and count + 1 - i or i]
  end
  return page
end

-- Returns the first page_limit of these offsets within the bounds, as members of the order; where their numbers are
-- given as texts, `offsets` is nil. They are taken from the end where the page begins: where their order is nearly that
-- of the keys, all but a few are compared once, with the last one of the page.
local function sort_matches(offsets, numbers)
  local total, taken, matches, last = #(numbers or offsets), 0, {}, false
  -- Bound: the offsets given, MAX_HMGET_FIELDS at a time. They are at most SORT_THRESHOLD, or a set without a bitmap; or
  -- page_limit from top_k, and by name those that share the first or last sort prefix of a page.
  while taken < total do
    local step = {}
    -- Bound: MAX_HMGET_FIELDS.
    for i = taken + 1, math.min(taken + MAX_HMGET_FIELDS, total) do
      local place = is_descending and total + 1 - i or i
      step[#step + 1] = numbers and numbers[place] or NUMBER_BASE + offsets[place]
    end
    -- Bound: MAX_HMGET_FIELDS.
    for _, member in ipairs(redis.call('HMGET', sort_keys, unpack(step))) do
      if member > low_key and member < high_bound and (not last or (member < last) ~= is_descending) then
        matches[#matches + 1] = member
        if #matches == 2 * page_limit then
          matches = sorted_page(matches)
          last = matches[page_limit]
        end
      end
    end
    taken = taken + #step
  end
  return sorted_page(matches)
end

-- Returns those members of all sets whose prices are in the range.
local function passing(members)
  local _, matches = nil, members
  if has_price_filter then
    _, matches = filter(members)
  end
  return matches
end
