-- product_top_k: the first products of an order among many (top-k), by their sort prefixes. Where these are exact,
-- equal ones are ordered by offset, which is the order of creation. Otherwise the sort keys decide, in sort_matches.
-- Needs: band bxor BIT_POSITIONS sort_prefixes has_price_filter is_in_price_range page_limit direction is_exact
-- Needs: start_prefix end_prefix is_between_bounds
-- Gives: scan_bitmap
local SCAN_STRIDE_WORDS = 16
-- So many candidates are added at least before the next top_k, which sorts them.
local MIN_SPARE_CANDIDATES = 300

-- Returns the page_limit first of these offsets, their sort prefixes, the last one's, and how many have a smaller one:
-- these come first. Where sort prefixes are not exact, every offset with the last one is returned, and what is at a
-- bound does not count.
local function top_k(offsets, prefixes)
  local counts, distinct, top_offsets, top_prefixes, ties = {}, {}, {}, {}, {}
  -- Bound: the candidates of scan_bitmap.
  for i = 1, #prefixes do
    local prefix = prefixes[i]
    if counts[prefix] then
      counts[prefix] = counts[prefix] + 1
    elseif is_exact or (prefix > start_prefix and prefix < end_prefix) then
      counts[prefix], distinct[#distinct + 1] = 1, prefix
    end
  end
  -- Thousands of names may begin alike, and have one sort prefix: each of these is sorted once.
  table.sort(distinct)
  local place, count = 1, 0
  -- Bound: page_limit, as each counts once at least.
  while distinct[place] and count + counts[distinct[place]] < page_limit do
    place, count = place + 1, count + counts[distinct[place]]
  end
  local last_prefix = distinct[place] or end_prefix
  -- Bound: the candidates of scan_bitmap.
  for i = 1, #prefixes do
    if prefixes[i] < last_prefix then
      top_offsets[#top_offsets + 1], top_prefixes[#top_prefixes + 1] = offsets[i], prefixes[i]
    elseif prefixes[i] == last_prefix then
      ties[#ties + 1] = offsets[i]
    end
  end
  local smaller_count = #top_offsets
  -- The order of the others is that of their sort keys.
  if is_exact then
    table.sort(ties)
  end
  -- Bound: page_limit; where sort prefixes are not exact, the candidates.
  for i = 1, is_exact and math.min(#ties, page_limit - #top_offsets) or #ties do
    top_offsets[#top_offsets + 1], top_prefixes[#top_prefixes + 1] = ties[i], last_prefix
  end
  return top_offsets, top_prefixes, last_prefix, smaller_count
end

-- Returns what top_k does of the offsets whose bits these words have: the offsets, how many come first, and the last
-- sort prefix. Words are scanned in
-- strides: in an order that falls with the offset, each product of a plain scan would be among the first for a while.
-- Candidates are at most four times the page or the last selection, and MIN_SPARE_CANDIDATES more.
local function scan_bitmap(words)
  local column, offsets, prefixes = redis.call('GET', sort_prefixes), {}, {}
  local last_prefix, max_candidates = end_prefix, 4 * page_limit + MIN_SPARE_CANDIDATES
  -- Bound: SCAN_STRIDE_WORDS.
  for start = 1, SCAN_STRIDE_WORDS do
    -- Bound: one word for each 32 products ever created, a SCAN_STRIDE_WORDS-th of them in each stride.
    for i = start, #words, SCAN_STRIDE_WORDS do
      local word = words[i]
      -- Bound: 32 bits; each turn clears one.
      while word ~= 0 do
        local lowest_bit = band(word, -word)
        local offset = 32 * (i - 1) + BIT_POSITIONS[lowest_bit]
        local prefix = direction * struct.unpack('>d', column, 8 * offset + 1)
        if prefix <= last_prefix and prefix >= start_prefix
          and (prefix > start_prefix and prefix < end_prefix or is_between_bounds(prefix, direction * offset))
          and (not has_price_filter or is_in_price_range(offset)) then
          offsets[#offsets + 1], prefixes[#prefixes + 1] = direction * offset, prefix
          if #prefixes == max_candidates then
            offsets, prefixes, last_prefix = top_k(offsets, prefixes)
            max_candidates = 4 * #prefixes + MIN_SPARE_CANDIDATES
          end
        end
        word = bxor(word, lowest_bit)
      end
    end
  end
  local smaller_count
  offsets, prefixes, last_prefix, smaller_count = top_k(offsets, prefixes)
  -- Bound: page_limit; where sort prefixes are not exact, the candidates.
  for i = 1, #offsets do
    offsets[i] = direction * offsets[i]
  end
  return offsets, smaller_count, last_prefix
end
