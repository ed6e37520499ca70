-- product_scans: the way to a page whose sets are all large: their bitmaps are combined and their bits scanned, if
-- possible within the first blocks of the order.
-- Needs: blocks block_prefix low_block high_block is_descending page_limit filter_bitmaps load_prices band bor
-- Needs: combine_bitmaps intersect_words scan_bitmap is_exact end_prefix sort_matches scan_order scan_from
-- Gives: scan_bitmaps
local BLOCK_SCAN_THRESHOLD = 3000
local MAX_BLOCKS = 12
-- Matches by name that are sorted by key, and how many entries are read at once where there are more.
local MAX_TIES = 1000
local TIES_STEP = 200

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
    scan_from(last_prefix, sort_matches(smaller))
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
