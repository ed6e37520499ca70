-- product_scans: the two ways to a page whose sets are all large: scan the order and filter what comes, or combine the
-- sets' bitmaps and scan their bits, if possible within the first blocks of the order.
-- Needs: index blocks block_prefix low_key low_block high_block high_bound is_descending page_limit filter
-- Needs: filter_bitmaps load_prices band bor combine_bitmaps intersect_words scan_bitmap direction is_exact end_prefix
-- Needs: sort_matches
-- Gives: scan_order scan_bitmaps scanned_part
local BLOCK_SCAN_THRESHOLD = 3000
local MAX_BLOCKS = 12
-- Matches by name that are sorted by key, and how many entries are read at once where there are more.
local MAX_TIES = 1000
local TIES_STEP = 200
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

-- Returns the words of the first blocks of the range that have min_products behind the first one, which a position may
-- be in the middle of; nil where that takes more than MAX_BLOCKS.
local function first_blocks(min_products)
  local from, to = low_block == '' and '-' or '[' .. low_block, high_block == '' and '+' or '[' .. high_block
  local names = is_descending and redis.call('ZRANGE', blocks, to, from, 'BYLEX', 'REV', 'LIMIT', 0, MAX_BLOCKS)
    or redis.call('ZRANGE', blocks, from, to, 'BYLEX', 'LIMIT', 0, MAX_BLOCKS)
  local bitmaps, count = {}, 0
  -- Bound: MAX_BLOCKS.
  for i = 1, #names do
    local bitmap = block_prefix .. names[i]
    bitmaps[i] = redis.call('GET', bitmap)
    count = count + (i > 1 and redis.call('BITCOUNT', bitmap) or 0)
    if count >= min_products then
      return combine_bitmaps(bitmaps, bor)
    end
  end
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

-- Returns a page's members from words; nil where its first matches share a sort prefix, and a scan of the order within
-- its limit does not fill it. Thousands of names may begin alike: to sort them costs more than to scan the order from
-- where they follow each other.
local function page_of(words, max_scanned)
  local offsets, smaller_count, last_prefix = scan_bitmap(words)
  if is_exact or #offsets <= MAX_TIES or last_prefix == end_prefix then
    return sort_matches(offsets)
  end
  -- Otherwise the many are alike with the position, from which the order is scanned anyway.
  if smaller_count <= MAX_TIES then
    local smaller = {}
    -- Bound: MAX_TIES.
    for i = 1, smaller_count do
      smaller[i] = offsets[i]
    end
    scanned_page, scan_position = sort_matches(smaller), bound_of(last_prefix)
  end
  return scan_order(max_scanned, TIES_STEP)
end

-- Returns a page's members from the combined bitmaps. Few matches are scanned at once. Of many, those in the first
-- blocks are, and then those among ten times as many products, until the page is full.
local function scan_bitmaps(estimated_matches, min_products, max_scanned)
  load_prices()
  local words = combine_bitmaps(filter_bitmaps, band)
  -- Bound: the powers of ten up to the number of products: after that, MAX_BLOCKS do not have min_products.
  while estimated_matches > BLOCK_SCAN_THRESHOLD do
    local block_words = first_blocks(min_products)
    if not block_words then
      break
    end
    local page = page_of(intersect_words(words, block_words), max_scanned)
    if not page or #page >= page_limit then
      return page
    end
    min_products = 10 * min_products
  end
  return page_of(words, max_scanned)
end

-- Returns the members that scan_order has found, and the key where the next page goes on.
local function scanned_part()
  return scanned_page, scan_position
end
