-- product_scans: the two ways to a page whose sets are all large: scan the order and filter what comes, or combine the
-- sets' bitmaps and scan their bits, if possible within the first blocks of the order.
-- Needs: index blocks block_prefix low_key low_block high_block high_bound is_descending page_limit filter
-- Needs: filter_bitmaps load_prices band bor combine_bitmaps intersect_words scan_bitmap
-- Needs: sort_matches
-- Gives: scan_order scan_bitmaps scanned_part
local BLOCK_SCAN_THRESHOLD = 3000
local MAX_BLOCKS = 12

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

-- Returns a page's members from the combined bitmaps. Few matches are scanned at once. Of many, those in the first
-- blocks are, and then those among ten times as many products, until the page is full.
local function scan_bitmaps(estimated_matches, min_products)
  load_prices()
  local words = combine_bitmaps(filter_bitmaps, band)
  -- Bound: the powers of ten up to the number of products: after that, MAX_BLOCKS do not have min_products.
  while estimated_matches > BLOCK_SCAN_THRESHOLD do
    local block_words = first_blocks(min_products)
    local page = block_words and sort_matches(scan_bitmap(intersect_words(words, block_words)))
    if not block_words or #page == page_limit then
      return page or sort_matches(scan_bitmap(words))
    end
    min_products = 10 * min_products
  end
  return sort_matches(scan_bitmap(words))
end

-- Returns the members that scan_order has found, and the key where the next page goes on.
local function scanned_part()
  return scanned_page, scan_position
end
