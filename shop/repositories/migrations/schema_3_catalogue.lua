-- Goes through the products of the catalogue once, some hundred in a batch. Adding a product again changes nothing.
local PRODUCTS_AT_ONCE, NUMBER_BASE, ZONE_PRODUCTS, ZONE_BYTES = 300, 1000000000, 4096, 16
local changes = 0

local function add(format, name, order, member)
  if name ~= '' then
    changes = changes + redis.call('ZADD', tag .. string.format(format, name, order), 0, member)
  end
end

-- As in lua/parts/product_zones.lua.
local function widen_zone(number, created_at)
  local start = ZONE_BYTES * math.floor((number - NUMBER_BASE) / ZONE_PRODUCTS)
  local zone = redis.call('GETRANGE', tag .. zones, start, start + ZONE_BYTES - 1)
  local low, high = created_at + 1, created_at + 1
  if #zone == ZONE_BYTES and zone ~= string.rep('\0', ZONE_BYTES) then
    local lowest, highest = struct.unpack('>dd', zone)
    low, high = math.min(low, lowest), math.max(high, highest)
  end
  redis.call('SETRANGE', tag .. zones, start, struct.pack('>dd', low, high))
end

local page = redis.call('HSCAN', tag .. ids, cursor, 'COUNT', PRODUCTS_AT_ONCE)
for place = 1, #page[2], 2 do
  local number, id = page[2][place], page[2][place + 1]
  local found = redis.call('HMGET', tag .. product_prefix .. id, 'category', 'company', 'created_at')
  widen_zone(number, found[3])
  for order in string.gmatch(orders, '%S+') do
    local member = redis.call('HGET', tag .. string.format(sort_keys_format, order), number)
    add(category_format, found[1], order, member)
    add(company_format, found[2], order, member)
  end
end
return done_until(page[1], changes)
