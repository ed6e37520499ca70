-- cart_access: who may see and change a cart, its owner or who has the token of a guest's cart; and what each change of
-- it has in common.
-- Needs: cart caller token
-- Gives: LINE cart_fields cart_lines drop_cart_hold changed_cart
local LINE = 'line:'

-- Returns the fields of the cart by their names; nil where there is none, or it is another's.
local function cart_fields()
  local flat, fields = redis.call('HGETALL', cart), {}
  -- Bound: the fields of a cart, at most 120.
  for place = 1, #flat, 2 do
    fields[flat[place]] = flat[place + 1]
  end
  local is_own = fields.owner and fields.owner ~= '' and fields.owner == caller
  local has_token = fields.owner == '' and token ~= '' and fields.token == token
  return (is_own or has_token) and fields or nil
end

-- Returns the lines of a cart, in the order of their products' ids: {product, quantity, price when it was put there}.
local function cart_lines(fields)
  local lines = {}
  -- Bound: the fields of a cart.
  for name, value in pairs(fields) do
    if string.sub(name, 1, #LINE) == LINE then
      local quantity, price = string.match(value, '^(%d+):(%d+)$')
      lines[#lines + 1] = {string.sub(name, #LINE + 1), tonumber(quantity), tonumber(price)}
    end
  end
  table.sort(lines, function(one, other)
    return one[1] < other[1]
  end)
  return lines
end

-- Ends the hold of the cart, if it has one: it is of other lines than those to come.
local function drop_cart_hold(fields, id)
  if not fields.hold then
    return
  end
  -- Bound: the lines of a cart, at most 100.
  for product, units in pairs(cjson.decode(fields.hold)) do
    drop_hold(product, id, units)
  end
  redis.call('HDEL', cart, 'hold', 'hold_ends_at')
  fields.hold, fields.hold_ends_at = nil, nil
end

-- Counts a change, from which on the cart is there for as long as a new one. Returns the version.
local CART_TTL_MS = 30 * 24 * 3600 * 1000
local function changed_cart(at)
  redis.call('HSET', cart, 'updated_at', at)
  redis.call('PEXPIRE', cart, CART_TTL_MS)
  return string.format('%.0f', redis.call('HINCRBY', cart, 'version', 1))
end
