-- product_zones: the zones of the order of creation, a block range index by product number (a zone map): of each
-- ZONE_PRODUCTS numbers, the lowest and the highest sort prefix that a product has had. Numbers are given in nearly the
-- same order, so the newest of many matches are in the last zones that have matches. A zone never narrows.
-- Gives: ZONE_PRODUCTS ZONE_BYTES widen_zone read_zones
local ZONE_PRODUCTS = 4096
local ZONE_BYTES = 16
local EMPTY_ZONE = string.rep('\0', ZONE_BYTES)

-- Makes the zone of an offset as wide as this sort prefix requires. Stored is one more than the sort prefixes, so that
-- no zone of a product looks like an empty one.
local function widen_zone(zones, offset, prefix)
  local start = ZONE_BYTES * math.floor(offset / ZONE_PRODUCTS)
  local zone = redis.call('GETRANGE', zones, start, start + ZONE_BYTES - 1)
  local low, high = prefix + 1, prefix + 1
  if #zone == ZONE_BYTES and zone ~= EMPTY_ZONE then
    local lowest, highest = struct.unpack('>dd', zone)
    low, high = math.min(low, lowest), math.max(high, highest)
  end
  redis.call('SETRANGE', zones, start, struct.pack('>dd', low, high))
end

-- Returns the lowest and the highest sort prefixes of all zones. Those of an empty zone are less than any other.
local function read_zones(zones)
  local column, lows, highs = redis.call('GET', zones) or '', {}, {}
  -- Bound: one zone for each ZONE_PRODUCTS products ever created.
  for zone = 1, #column / ZONE_BYTES do
    local low, high = struct.unpack('>dd', column, ZONE_BYTES * (zone - 1) + 1)
    lows[zone], highs[zone] = low - 1, high - 1
  end
  return lows, highs
end
