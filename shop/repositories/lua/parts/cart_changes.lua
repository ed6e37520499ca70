-- cart_changes: what each change of a cart has in common.
-- Needs: at lifetime_ms empty_lifetime_ms max_carts max_guest_carts guest_carts cart_prefix user_prefix drop_hold
-- Gives: drop_cart_hold store_cart changed_cart
local MAX_DROPPED = 10

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

-- Makes the cart the last one of its owner's list. The one that was changed longest ago makes room; its hold ends by
-- itself.
local function list_cart(owner, id)
  local carts = user_prefix .. owner .. ':carts'
  redis.call('ZADD', carts, at, id)
  redis.call('PEXPIRE', carts, lifetime_ms)
  if redis.call('ZCARD', carts) > tonumber(max_carts) then
    redis.call('UNLINK', cart_prefix .. redis.call('ZPOPMIN', carts)[1])
  end
end

-- Makes the cart the last one of all guests'. Beyond max_guest_carts those that were changed longest ago make room; their
-- holds end by themselves.
local function list_guest_cart(id)
  redis.call('ZREMRANGEBYSCORE', guest_carts, '-inf', string.format('%.0f', at - lifetime_ms))
  redis.call('ZADD', guest_carts, at, id)
  local surplus = redis.call('ZCARD', guest_carts) - max_guest_carts
  if surplus > 0 then
    -- Bound: MAX_DROPPED. Each change adds one at most; after max_guest_carts was lowered, each drops some more.
    for _, oldest in ipairs(redis.call('ZRANGE', guest_carts, 0, math.min(surplus, MAX_DROPPED) - 1)) do
      redis.call('UNLINK', cart_prefix .. oldest)
      redis.call('ZREM', guest_carts, oldest)
    end
  end
end

-- Begins anew the time for which the cart is stored: a short one for a guest's without lines.
local function store_cart(id, owner, is_empty)
  local is_brief = owner == '' and is_empty
  redis.call('PEXPIRE', cart_prefix .. id, is_brief and empty_lifetime_ms or lifetime_ms)
  if owner == '' then
    list_guest_cart(id)
  else
    list_cart(owner, id)
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
  store_cart(id, fields.owner, not has_lines(fields))
  return string.format('%.0f', redis.call('HINCRBY', cart, 'version', 1))
end
