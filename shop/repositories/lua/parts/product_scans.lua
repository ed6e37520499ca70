-- product_scans: the two ways to a page whose sets are all large: scan the order and filter what comes, or combine the
-- sets' bitmaps and scan their bits, if possible within the first blocks of the order.
-- Needs: index blocks block_prefix low_key low_block high_block high_bound is_descending page_limit filter
-- Needs: filter_bitmaps load_prices band bor combine_bitmaps intersect_words scan_bitmap
-- Needs: sort_matches
-- Gives: scan_order scan_bitmaps
local BLOCK_SCAN_THRESHOLD = 3000
local MAX_BLOCKS = 12

-- Returns a page's members from the ordered index; nil where max_entries of it do not fill the page.
local function scan_order(max_entries, step)
  local page, scanned, from, to = {}, 0, '(' .. (is_descending and high_bound or low_key),
    '(' .. (is_descending and low_key or high_bound)
  local limit = is_descending and {'REV', 'LIMIT', 0, step} or {'LIMIT', 0, step}
  -- Bound: max_entries / step turns, at most three. Without a bitmap to filter by, max_entries is infinite and the
  -- bound is the index: then all pass but prices beyond the limits that have bitmaps, and one turn is nearly always
  -- enough.
  while scanned < max_entries do
    local members = redis.call('ZRANGE', index, from, to, 'BYLEX', unpack(limit))
    local _, matches = filter(members)
    -- Bound: step.
    for i = 1, #matches do
      page[#page + 1] = matches[i]
    end
    if #page >= page_limit or #members < step then
      return page
    end
    from, scanned = '(' .. members[#members], scanned + step
  end
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
