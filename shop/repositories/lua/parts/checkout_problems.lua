-- checkout_problems: what stands between a cart and its purchase.
-- Needs: buyer EXHAUSTION
-- Gives: cart_problems price_changes

-- Returns [JSON pointer into the cart, code] of each problem that the client has to solve first. `all` are the lines as
-- they are priced now, `totals` what is beside them. The codes are those of CartProblem.
local function cart_problems(fields, lines, all, totals)
  local problems = {}
  local function add(pointer, code)
    problems[#problems + 1] = {pointer, code}
  end
  if #lines == 0 then
    add('', 'empty')
  end
  if buyer == '' and fields.email == '' then
    add('/email', 'email-missing')
  end
  if fields.shipping_method ~= '' and fields.shipping_address == '' then
    add('/shipping_address', 'address-missing')
  end
  if totals.shipping_problem then
    add('/shipping_method', totals.shipping_problem)
  end
  if totals.obstacle and not EXHAUSTION[totals.obstacle] then
    add('/voucher', 'voucher-not-applicable')
  end
  -- Bound: the lines of a cart, at most 100.
  for place in ipairs(lines) do
    local pointer = string.format('/lines/%d', place - 1)
    if not all.items[place] then
      add(pointer, 'product-gone')
    elseif all.currency_of[place] ~= fields.currency then
      add(pointer, 'currency-changed')
    end
  end
  return problems
end

-- Returns [product, price that the cart has shown, present price] of each line where these differ.
local function price_changes(lines, all)
  local changes = {}
  -- Bound: the lines of a cart.
  for place, line in ipairs(lines) do
    local price = tonumber(all.items[place][4])
    if price ~= line[3] then
      changes[#changes + 1] = {line[1], line[3], price}
    end
  end
  return changes
end
