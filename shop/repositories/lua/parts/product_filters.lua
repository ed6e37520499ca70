-- product_filters: whether products pass the filters of a page. A product is an offset here, its number counted from
-- the first one.
local bits, price_values, is_priced = {}, '', cheapest .. dearest ~= ''
local least, most = tonumber(cheapest) or 0, tonumber(dearest) or math.huge

-- Loads the prices, and the strings of bits: those of the sets, which all have them where none is small, and others.
local function load(filters, strings)
  for _, set in ipairs(filters) do
    bits[#bits + 1] = redis.call('GET', set .. '\1bits')
  end
  for _, name in ipairs(strings) do
    bits[#bits + 1] = redis.call('GET', name) or ''
  end
  price_values = is_priced and redis.call('GET', price_ranks)
end

-- What the last nine digits say; making a string of them to make a number of would take three times as long.
local function offset_of(member)
  local a, b, c, d, e, f, g, h, i = string.byte(member, -9, -1)
  return ((((((((a * 10 + b) * 10 + c) * 10 + d) * 10 + e) * 10 + f) * 10 + g) * 10 + h) * 10 + i) - 5333333328
end

local function is_in_all_sets(offset)
  local byte, mask = math.floor(offset / 8) + 1, bit.rshift(128, offset % 8)
  for set = 1, #bits do
    if bit.band(string.byte(bits[set], byte) or 0, mask) == 0 then
      return false
    end
  end
  return true
end

local function is_affordable(offset)
  local price = struct.unpack('>d', price_values, 8 * offset + 1)
  return price >= least and price <= most
end

-- Of these members those that pass: their offsets, and the members.
local function passing(members)
  local offsets, passed, count = {}, {}, 0
  for place = 1, #members do
    local offset = offset_of(members[place])
    if is_in_all_sets(offset) and (not is_priced or is_affordable(offset)) then
      count = count + 1
      offsets[count], passed[count] = offset, members[place]
    end
  end
  return offsets, passed
end
