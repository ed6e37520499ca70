-- product_page: up to `wanted` products that are in all the sets and in the range of prices, between two bounds of an
-- order, as pairs of sort key and list of fields and values. Few are gathered and sorted; many are met by walking the
-- order; where order and filters are at odds the walk gives up, and all that pass the filters are sifted by their ranks.
-- KEYS: index sort_keys ranks prices price_keys price_ranks product_ids
-- ARGV: low high low_rank high_rank descending wanted sets price_low price_high product_prefix
-- Uses: index_sets product_sift
local PATIENCE, MOST_ARGUMENTS = 1500, 5000
local down, count, filters = descending == '1', tonumber(wanted), cjson.decode(sets)
local is_priced = price_low ~= ''
local cheapest, dearest = '[' .. price_low, '(' .. price_high .. '\1'

local function number_of(member)
  return string.sub(member, -10)
end

-- Of these members those in the range of prices.
local function affordable(members)
  if not is_priced or #members == 0 then return members end
  local numbers, found = {}, {}
  for place = 1, #members do numbers[place] = number_of(members[place]) end
  for place, price in ipairs(redis.call('HMGET', price_keys, unpack(numbers))) do
    price = string.sub(price, 1, #price_low)
    if price >= price_low and price <= price_high then found[#found + 1] = members[place] end
  end
  return found
end

local function is_within(member)
  local first_low, first_high = string.sub(low, 1, 1), string.sub(high, 1, 1)
  local bottom, top = string.sub(low, 2), string.sub(high, 2)
  return (first_low == '-' or member > bottom or (first_low == '[' and member == bottom))
    and (first_high == '+' or member < top or (first_high == '[' and member == top))
end

local function gathered(numbers)
  local found = {}
  for start = 1, #numbers, MOST_ARGUMENTS do
    local members, last = {}, math.min(start + MOST_ARGUMENTS - 1, #numbers)
    for _, member in ipairs(redis.call('HMGET', sort_keys, unpack(numbers, start, last))) do
      if is_within(member) then members[#members + 1] = member end
    end
    for _, member in ipairs(affordable(members)) do found[#found + 1] = member end
  end
  table.sort(found, down and function(a, b) return a > b end or nil)
  return found
end
