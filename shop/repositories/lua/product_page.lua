-- product_page: up to `wanted` products that are in all the sets and in the range of prices, between two bounds of
-- an order, as pairs of sort key and the values of the fields. Few are gathered and sorted; where most pass they are
-- met by walking the order; otherwise the large sets are put together as bits, and the first zones of the order sifted.
-- KEYS: index sort_keys ranks zones prices price_ranks product_ids
-- ARGV: low high low_rank high_rank low_zone high_zone exact price_low price_high cheapest dearest descending wanted sets marks product_prefix fields
-- Uses: index_sets bit_strings product_filters product_ranks product_members
local SAMPLE, STEPS, MANY, ZONES = 64, 500, 3000, 12
local filters, price_top = cjson.decode(sets), price_high == '' and '\255' or price_high

-- Nothing where they are not met within so many steps.
local function met(most, step)
  local found, seen, from, to = {}, 0, '(' .. (down and top or low), '(' .. (down and low or top)
  local limit = down and {'REV', 'LIMIT', 0, step} or {'LIMIT', 0, step}
  while seen < most do
    local members = redis.call('ZRANGE', index, from, to, 'BYLEX', unpack(limit))
    local _, passed = passing(members)
    for place = 1, #passed do
      found[#found + 1] = passed[place]
    end
    if #found >= count or #members < step then
      return found
    end
    from, seen = '(' .. members[#members], seen + step
  end
end

-- The words of the zones that come first, with at least so many products behind the first of them; nothing where it
-- takes too many.
local function foremost(needed)
  local from, to = low_zone == '' and '-' or '[' .. low_zone, high_zone == '' and '+' or '[' .. high_zone
  local names = down and redis.call('ZRANGE', zones, to, from, 'BYLEX', 'REV', 'LIMIT', 0, ZONES)
    or redis.call('ZRANGE', zones, from, to, 'BYLEX', 'LIMIT', 0, ZONES)
  local strings, behind = {}, 0
  for place = 1, #names do
    local zone = zones .. ':' .. names[place]
    strings[place] = redis.call('GET', zone)
    behind = behind + (place > 1 and redis.call('BITCOUNT', zone) or 0)
    if behind >= needed then
      return combined(strings, bor)
    end
  end
end

-- Few are sifted all at once; of many, those in more and more zones, until there are enough.
local function found_by_bits(likely, needed)
  local words = combined(bits, band)
  while likely > MANY do
    local zone = foremost(needed)
    local page = zone and gathered(sifted(common(words, zone)))
    if not zone or #page == count then
      return page or gathered(sifted(words))
    end
    needed = 10 * needed
  end
  return gathered(sifted(words))
end

local function search()
  local sizes, all = {}, redis.call('ZCARD', index)
  for _, set in ipairs(filters) do
    sizes[set] = redis.call('SCARD', set)
  end
  table.sort(filters, function(a, b) return sizes[a] < sizes[b] end)
  local rarest, likely = filters[1], sizes[filters[1]] or all
  local is_rare = rarest and likely <= FEW
  load(is_rare and {} or filters, cjson.decode(marks))
  if is_rare then
    return gathered((passing(redis.call('SINTER', unpack(filters)))))
  end
  if rarest then
    likely = likely * (#passing(redis.call('SRANDMEMBER', rarest, -SAMPLE)) + 0.5) / SAMPLE
  end
  if is_priced then
    likely = math.min(likely, redis.call('ZLEXCOUNT', prices, '(' .. price_low, '(' .. price_top))
  end
  local expected = math.max(count, math.ceil(1.3 * count * all / math.max(likely, 1)))
  if #bits == 0 then
    return met(math.huge, expected)
  end
  return expected <= STEPS and met(3 * expected, expected) or found_by_bits(likely, 2 * expected)
end

local entries, page, shown = search(), {}, cjson.decode(fields)
for place = 1, math.min(count, #entries) do
  local id = redis.call('HGET', product_ids, string.sub(entries[place], -10))
  page[place] = {entries[place], redis.call('HMGET', product_prefix .. id, unpack(shown))}
end
return page
