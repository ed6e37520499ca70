-- cart_changes: what each change of a cart has in common.
-- Needs: at lifetime_ms max_carts cart_prefix user_prefix drop_hold
-- Gives: drop_cart_hold list_cart changed_cart

-- Ends the hold of the cart, if it has one.
local function drop_cart_hold(id, fields)
  if not fields.hold then
    return
  end
  -- Bound: the lines of a cart, at most 100.
  for product, units in pairs(cjson.decode(fields.hold)) do
    drop_hold(product, id, units)
  end
  redis.call('HDEL', cart_prefix .. id, 'hold', 'hold_ends_at')
  fields.hold, fields.hold_ends_at = nil, nil
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

-- Makes the cart the last one of its owner's list, by the clock of the primary: those of the API's machines differ. The
-- one that was changed longest ago makes room, and never this one, wherever a clock that went back puts it.
local function list_cart(owner, id)
  local carts, time = user_prefix .. owner .. ':carts', redis.call('TIME')
  redis.call('ZADD', carts, string.format('%.3f', time[1] * 1000 + time[2] / 1000), id)
  redis.call('PEXPIRE', carts, lifetime_ms)
  if redis.call('ZCARD', carts) > tonumber(max_carts) then
    local first, second = unpack(redis.call('ZRANGE', carts, 0, 1))
    local victim = first == id and second or first
    redis.call('ZREM', carts, victim)
    evict_cart(victim)
  end
end

-- Counts a change, from which on the cart is stored for as long as a new one. Returns the version.
local function changed_cart(id, fields)
  local cart = cart_prefix .. id
  redis.call('HSET', cart, 'updated_at', at)
  redis.call('PEXPIRE', cart, lifetime_ms)
  local version = string.format('%.0f', redis.call('HINCRBY', cart, 'version', 1))
  if fields.owner ~= '' then
    list_cart(fields.owner, id)
  end
  return version
end
