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

-- Counts a change, from which on the cart is stored for as long as a new one. Returns the version.
local function changed_cart(id, fields)
  local cart = cart_prefix .. id
  redis.call('HSET', cart, 'updated_at', at)
  redis.call('PEXPIRE', cart, lifetime_ms)
  if fields.owner ~= '' then
    list_cart(fields.owner, id)
  end
  return string.format('%.0f', redis.call('HINCRBY', cart, 'version', 1))
end
