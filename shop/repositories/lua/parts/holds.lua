-- holds: units of products that carts hold for a while. A hold ends at its millisecond, by the clock of the primary,
-- without anything that sweeps: whatever looks at the units of a product first drops the holds that have ended.
-- Needs: product_prefix holds_prefix
-- Gives: MAX_HOLDS clock_ms held_units add_hold drop_hold
-- Carts that may hold one product: dropping all of them at once takes some milliseconds.
local MAX_HOLDS = 5000

local clock
local function clock_ms()
  if not clock then
    local time = redis.call('TIME')
    clock = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return clock
end

-- A member of a product's holds is the cart and its units: <cart>:<units>.
local function units_of(member)
  return tonumber(string.match(member, '%d+$'))
end

-- Returns the units of the product that are held now, `held` being its field of that name.
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

local function add_hold(id, cart, units, ends_at)
  redis.call('ZADD', holds_prefix .. id, ends_at, cart .. ':' .. units)
  redis.call('HINCRBY', product_prefix .. id, 'held', units)
end

-- Ends the hold of a cart, where it has not ended by itself. Returns whether it was there.
local function drop_hold(id, cart, units)
  local was_there = redis.call('ZREM', holds_prefix .. id, cart .. ':' .. units) == 1
  if was_there then
    redis.call('HINCRBY', product_prefix .. id, 'held', -units)
  end
  return was_there
end
