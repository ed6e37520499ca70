-- cart_access: a cart for its caller: its owner, or who has the token of a guest's cart.
-- Needs: caller token user_prefix
-- Gives: LINE cart_fields cart_lines
local LINE = 'line_'

-- Returns the fields of the cart by their names; nil where there is none, or it is another's. An erased user has none.
local function cart_fields(cart)
  local flat, fields = redis.call('HGETALL', cart), {}
  -- Bound: the fields of a cart, at most 120.
  for place = 1, #flat, 2 do
    fields[flat[place]] = flat[place + 1]
  end
  if fields.owner == '' then
    return token ~= '' and fields.token == token and fields or nil
  end
  local is_own = fields.owner and fields.owner == caller
  return is_own and redis.call('EXISTS', user_prefix .. caller) == 1 and fields or nil
end

-- Returns the lines of a cart, in the order of their products' ids: {product, quantity, price when it was put there}.
local function cart_lines(fields)
  local lines = {}
  -- Bound: the fields of a cart.
  for name, value in pairs(fields) do
    if string.sub(name, 1, #LINE) == LINE then
      local quantity, price = string.match(value, '^(%d+) (%d+)$')
      lines[#lines + 1] = {string.sub(name, #LINE + 1), tonumber(quantity), tonumber(price)}
    end
  end
  table.sort(lines, function(one, other)
    return one[1] < other[1]
  end)
  return lines
end
