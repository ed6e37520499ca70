-- product_page: up to `wanted` products that are in all the sets and in the range of prices, between two bounds of an
-- order, as pairs of sort key and the values of the fields. Few are gathered and sorted; many are met by walking the
-- order; where order and filters are at odds the walk gives up, and all that pass the filters are sifted by their ranks.
-- KEYS: index sort_keys ranks prices price_ranks product_ids
-- ARGV: low high low_rank high_rank price_low price_high cheapest dearest descending wanted sets marks product_prefix fields
-- Uses: index_sets bit_strings product_filters product_ranks
local SAMPLE, PATIENCE = 64, 1
local filters, price_top = cjson.decode(sets), price_high == '' and '\255' or price_high

local function walk(from, most)
  if down then
    return redis.call('ZRANGE', index, '(' .. (from or top), '(' .. low, 'BYLEX', 'REV', 'LIMIT', 0, most)
  end
  return redis.call('ZRANGE', index, '(' .. (from or low), '(' .. top, 'BYLEX', 'LIMIT', 0, most)
end

-- Nothing where they are not met within so many steps, or it looks as if they would not be: at first by what is expected
-- of the first `step` alone, then more and more by what was found.
local function met(most, step)
  local found, seen, from, foreseen = {}, 0, nil, 0
  while seen + foreseen <= most do
    local members = walk(from, step)
    local _, passed = affordable(in_sets(members))
    for place = 1, #passed do
      found[#found + 1] = passed[place]
    end
    if #found >= count or #members < step then
      return found
    end
    from, seen = members[#members], seen + step
    foreseen = (count - #found) * (seen + step) / (#found + count / 2)
  end
end

local function in_price_range()
  return (in_sets(redis.call('ZRANGE', prices, '(' .. price_low, '(' .. price_top, 'BYLEX')))
end

local function in_all_sets()
  return (affordable(common(bits), {}))
end

local function search()
  local sizes, all = {}, redis.call('ZCARD', index)
  for _, set in ipairs(filters) do
    sizes[set] = redis.call('SCARD', set)
  end
  table.sort(filters, function(a, b) return sizes[a] < sizes[b] end)
  local rarest, size = filters[1], sizes[filters[1]]
  local is_rare = rarest and size <= FEW
  load(is_rare and {} or filters, cjson.decode(marks))
  if is_rare then
    return gathered((affordable(in_sets(redis.call('SINTER', unpack(filters))))))
  end
  -- Costs are in steps of the walk, which goes no further than sifting would cost.
  local likely, by_sets, by_price = all, math.huge, math.huge
  if rarest then
    local sample, members = in_sets(redis.call('SRANDMEMBER', rarest, -SAMPLE))
    likely = size * (#affordable(sample, members) + 0.5) / SAMPLE
    by_sets = 800 + 120 * #filters + size * #sample / SAMPLE / 5
  end
  if is_priced then
    local in_range = redis.call('ZLEXCOUNT', prices, '(' .. price_low, '(' .. price_top)
    likely, by_price = math.min(likely, in_range), 1000 + 0.8 * in_range
  end
  local most = PATIENCE * math.min(by_sets, by_price)
  local expected = math.max(count, math.ceil(1.3 * count * all / math.max(likely, 1)))
  local found = expected <= most and met(most, expected)
  return found or gathered(by_price < by_sets and in_price_range() or in_all_sets())
end

local entries, page, shown = search(), {}, cjson.decode(fields)
for place = 1, math.min(count, #entries) do
  local id = redis.call('HGET', product_ids, string.sub(entries[place], -10))
  page[place] = {entries[place], redis.call('HMGET', product_prefix .. id, unpack(shown))}
end
return page
