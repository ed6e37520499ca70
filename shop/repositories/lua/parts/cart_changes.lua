-- cart_changes: what each change of a cart has in common.
-- Needs: at lifetime_ms empty_lifetime_ms max_carts max_guest_carts guest_carts cart_prefix user_prefix drop_hold
-- Gives: drop_cart_hold store_cart changed_cart
local MAX_EVICTED = 2

-- Ends the hold of the cart, if it has one.
local function drop_cart_hold(id, fields)
  if not fields.hold then
    return
  end
  -- Bound: the lines of a cart, at most 100.
  for product, units in pairs(cjson.decode(fields.hold)) do
    drop_hold(product, id, units)
  end
  redis.call('HDEL', cart_prefix .. id, 'hold', 'hold_ends_at', 'held_since')
  fields.hold, fields.hold_ends_at, fields.held_since = nil, nil, nil
end

-- Ends a cart that makes room for another one.
local function evict_cart(id)
  local cart = cart_prefix .. id
  local version, hold, purchased = unpack(redis.call('HMGET', cart, 'version', 'hold', 'purchase'), 1, 3)
  if not version then
    return
  end
  drop_cart_hold(id, {hold = hold or nil})
  redis.call('UNLINK', cart)
  emit('cart.deleted', id, {is_purchased = purchased and true or false})
end

-- Makes the cart the last one of this list, by the clock of the primary: those of the API's machines differ. Beyond `most`
-- those that were changed longest ago make room, and never this one, wherever a clock that went back puts it.
local function list_cart(list, most, id, now)
  redis.call('ZADD', list, string.format('%.3f', now), id)
  local surplus = math.min(redis.call('ZCARD', list) - most, MAX_EVICTED)
  if surplus <= 0 then
    return
  end
  -- Bound: MAX_EVICTED and one. Each change adds one at most; after `most` was lowered, each drops one more.
  for _, oldest in ipairs(redis.call('ZRANGE', list, 0, surplus)) do
    if oldest ~= id and surplus > 0 then
      surplus = surplus - 1
      redis.call('ZREM', list, oldest)
      evict_cart(oldest)
    end
  end
end

-- Begins anew the time for which the cart is stored: a short one for a guest's without lines. Lists it among its owner's
-- carts, or those of all guests.
local function store_cart(id, owner, is_empty)
  local is_brief = owner == '' and is_empty
  redis.call('PEXPIRE', cart_prefix .. id, is_brief and empty_lifetime_ms or lifetime_ms)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + time[2] / 1000
  if owner == '' then
    redis.call('ZREMRANGEBYSCORE', guest_carts, '-inf', string.format('%.0f', now - lifetime_ms))
    list_cart(guest_carts, max_guest_carts, id, now)
  else
    local carts = user_prefix .. owner .. ':carts'
    list_cart(carts, max_carts, id, now)
    redis.call('PEXPIRE', carts, lifetime_ms)
  end
end

local function has_lines(fields)
  -- Bound: the fields of a cart, at most 120.
  for name in pairs(fields) do
    if string.sub(name, 1, 5) == 'line_' then
      return true
    end
  end
  return false
end

-- Counts a change, from which on the cart is stored for as long as a new one: `fields` are those after it. Returns the
-- version.
local function changed_cart(id, fields)
  local cart = cart_prefix .. id
  redis.call('HSET', cart, 'updated_at', at)
  local version = string.format('%.0f', redis.call('HINCRBY', cart, 'version', 1))
  store_cart(id, fields.owner, not has_lines(fields))
  return version
end
