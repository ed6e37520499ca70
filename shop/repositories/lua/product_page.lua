-- product_page: up to `wanted` products that are in all the sets, between two bounds of an order, as pairs of sort key
-- and list of fields and values. Rare combinations are gathered and sorted; frequent ones are met by walking the order.
-- Where the order and the sets are at odds the walk gives up after a while and everything is gathered.
-- KEYS: index sort_keys prices price_keys product_ids
-- ARGV: low high descending wanted sets price_low price_high product_prefix
local FEW, PATIENCE, MOST_ARGUMENTS = 1500, 4000, 5000
local down = descending == '1'
local count = tonumber(wanted)
local filters = cjson.decode(sets)
local is_priced = price_low ~= ''

local function walk(from, most)
  if down then
    return redis.call('ZRANGE', index, from, low, 'BYLEX', 'REV', 'LIMIT', 0, most)
  end
  return redis.call('ZRANGE', index, from, high, 'BYLEX', 'LIMIT', 0, most)
end

-- Which of the numbers are in all the sets, and in the range of prices.
local function are_wanted(numbers, checked)
  local wanted_at = {}
  for place = 1, #numbers do wanted_at[place] = true end
  for _, set in ipairs(checked) do
    for place, is_member in ipairs(redis.call('SMISMEMBER', set, unpack(numbers))) do
      if is_member == 0 then wanted_at[place] = false end
    end
  end
  if is_priced then
    for place, price in ipairs(redis.call('HMGET', price_keys, unpack(numbers))) do
      if not price or price < price_low or price > price_high then wanted_at[place] = false end
    end
  end
  return wanted_at
end

local function number_of(member)
  return (string.gsub(string.sub(member, -10), '^0+', ''))
end

local function met()
  local found, seen, step = {}, 0, math.max(100, 2 * count)
  local from = down and high or low
  while seen < PATIENCE do
    local members, numbers = walk(from, step), {}
    if #members == 0 then return found end
    for place, member in ipairs(members) do numbers[place] = number_of(member) end
    for place, is_wanted in ipairs(are_wanted(numbers, filters)) do
      if is_wanted then
        found[#found + 1] = {members[place], numbers[place]}
        if #found == count then return found end
      end
    end
    seen = seen + #members
    if #members < step then return found end
    from = '(' .. members[#members]
    step = math.min(2 * step, 1000)
  end
  return nil
end

local function is_before(a, b)
  if down then return a[1] > b[1] end
  return a[1] < b[1]
end

local function is_within(member)
  local first, last = string.sub(low, 1, 1), string.sub(high, 1, 1)
  local bottom, top = string.sub(low, 2), string.sub(high, 2)
  return (first == '-' or member > bottom or (first == '[' and member == bottom))
    and (last == '+' or member < top or (last == '[' and member == top))
end

-- Keeps the first `count` in the order; whatever is behind the last of them is passed over without sorting.
local function keep(best, entry)
  if best.last and not is_before(entry, best.last) then return end
  best[#best + 1] = entry
  if #best >= 4 * count + 100 then
    table.sort(best, is_before)
    for place = #best, count + 1, -1 do best[place] = nil end
    best.last = best[count]
  end
end

local function gathered(numbers, checked)
  local best = {}
  for start = 1, #numbers, MOST_ARGUMENTS do
    local some = {unpack(numbers, start, math.min(start + MOST_ARGUMENTS - 1, #numbers))}
    local wanted_at = are_wanted(some, checked)
    for place, member in ipairs(redis.call('HMGET', sort_keys, unpack(some))) do
      if wanted_at[place] and member and is_within(member) then keep(best, {member, some[place]}) end
    end
  end
  table.sort(best, is_before)
  return best
end

local function priced()
  local numbers = {}
  for place, member in ipairs(redis.call('ZRANGE', prices, '[' .. price_low, '[' .. price_high, 'BYLEX')) do
    numbers[place] = number_of(member)
  end
  return numbers
end

local function search()
  if #filters > 0 then
    local question = {'SINTERCARD', #filters, unpack(filters)}
    question[#question + 1], question[#question + 2] = 'LIMIT', FEW + 1
    if redis.call(unpack(question)) <= FEW then return gathered(redis.call('SINTER', unpack(filters)), {}) end
  end
  if is_priced and redis.call('ZLEXCOUNT', prices, '[' .. price_low, '[' .. price_high) <= FEW then
    return gathered(priced(), filters)
  end
  return met() or (#filters > 0 and gathered(redis.call('SINTER', unpack(filters)), {})) or gathered(priced(), {})
end

local entries, page = search(), {}
for place = 1, math.min(count, #entries) do
  local member, number = entries[place][1], entries[place][2]
  local id = redis.call('HGET', product_ids, number)
  page[place] = {member, redis.call('HGETALL', product_prefix .. id)}
end
return page
