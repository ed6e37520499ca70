-- holds: units of products that carts hold for a while. A hold ends at its millisecond, by the clock of the primary,
-- without anything that sweeps: whatever looks at the units of a product first drops the holds that have ended. The
-- field `held` of the product is the sum of those that are stored.
-- Needs: product_prefix holds_prefix clock_ms
-- Gives: MAX_HOLDS held_units own_units add_hold drop_hold
-- Carts that may hold one product: all holds of a hundred products can end at once, before anything looks.
local MAX_HOLDS = 1000

-- A member of a product's holds is the cart and its units: <cart>:<units>.
local function units_of(member)
  return tonumber(string.match(member, '%d+$'))
end

-- Returns the units of the product that are held now, `held` being its field of that name. Drops what has ended.
local function held_units(id, held)
  if not held or held == '0' then
    return 0
  end
  local holds, now = holds_prefix .. id, clock_ms()
  local ended, units = redis.call('ZRANGEBYSCORE', holds, '-inf', now), 0
  if #ended == 0 then
    return tonumber(held)
  end
  -- Bound: MAX_HOLDS.
  for _, member in ipairs(ended) do
    units = units + units_of(member)
  end
  redis.call('ZREMRANGEBYSCORE', holds, '-inf', now)
  return redis.call('HINCRBY', product_prefix .. id, 'held', -units)
end

-- Returns how many of these units the cart holds still, all or none: what is stored decides, and not when the hold was
-- to end, because the clock of another primary may be behind. held_units has dropped before what has ended.
local function own_units(id, cart, units)
  return units and redis.call('ZSCORE', holds_prefix .. id, cart .. ':' .. units) and units or 0
end

local function add_hold(id, cart, units, ends_at)
  redis.call('ZADD', holds_prefix .. id, ends_at, cart .. ':' .. units)
  redis.call('HINCRBY', product_prefix .. id, 'held', units)
end

-- Ends the hold of a cart, where it has not ended by itself.
local function drop_hold(id, cart, units)
  if redis.call('ZREM', holds_prefix .. id, cart .. ':' .. units) == 1 then
    redis.call('HINCRBY', product_prefix .. id, 'held', -units)
  end
end
