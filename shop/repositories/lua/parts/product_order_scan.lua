-- product_order_scan: the way to a page that scans the order, and filters what comes.
-- Needs: index low_key high_bound is_descending page_limit direction filter
-- Gives: scan_order scan_from scanned_part
-- The same as _SORT_PREFIX_BYTES of catalogue.py.
local SORT_PREFIX_BYTES = 6

-- What scan_order has found, and where it goes on: a key, false at the end of the order.
local scanned_page, scanned_count, scan_position = {}, 0, is_descending and high_bound or low_key

-- Scans the ordered index until the page is full, or max_entries of it were scanned. Returns the page's members; nil
-- where they do not fill it.
local function scan_order(max_entries, step)
  -- Bound: max_entries / step turns, the last one of what is left of max_entries.
  while scanned_count < max_entries and scan_position and #scanned_page < page_limit do
    local from, to = '(' .. scan_position, '(' .. (is_descending and low_key or high_bound)
    local size = math.min(step, max_entries - scanned_count)
    local limit = is_descending and {'REV', 'LIMIT', 0, size} or {'LIMIT', 0, size}
    local members = redis.call('ZRANGE', index, from, to, 'BYLEX', unpack(limit))
    local _, matches = filter(members)
    -- Bound: size.
    for i = 1, #matches do
      scanned_page[#scanned_page + 1] = matches[i]
    end
    scan_position, scanned_count = #members == size and members[size], scanned_count + size
  end
  return (not scan_position or #scanned_page >= page_limit) and scanned_page or nil
end

-- Returns the bound of the order before the first entry with this sort prefix, in the direction of the page. The bytes
-- of a sort prefix are the first ones of the sort key, and zeros behind a shorter one. A zero ends the key of an entry.
local function bound_of(prefix)
  local bytes, rest = {}, direction * prefix
  -- Bound: SORT_PREFIX_BYTES.
  for place = SORT_PREFIX_BYTES, 1, -1 do
    bytes[place], rest = rest % 256, math.floor(rest / 256)
  end
  local text = string.gsub(string.char(unpack(bytes)), '%z+$', '')
  return text .. (not is_descending and '' or #text < SORT_PREFIX_BYTES and '\0\255' or '\255')
end

-- Has scan_order go on from the first entry with this sort prefix. The page begins with these members.
local function scan_from(prefix, members)
  scanned_page, scan_position = members, bound_of(prefix)
end

-- Returns the members that scan_order has found, and the key where the next page goes on.
local function scanned_part()
  return scanned_page, scan_position
end
