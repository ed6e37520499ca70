-- cart_merge: a guest's cart goes into a cart of the user.
-- Needs: caller max_carts max_units user_prefix cart_prefix LINE cart_fields cart_lines
-- Gives: open_cart merged_fields

-- Returns the id and the fields of the caller's cart of this currency that was changed last and is not bought.
local function open_cart(currency)
  local carts = user_prefix .. caller .. ':carts'
  -- Bound: max_carts, 10.
  for _, id in ipairs(redis.call('ZREVRANGE', carts, 0, max_carts - 1)) do
    local fields = cart_fields(cart_prefix .. id)
    if fields and not fields.purchase and fields.currency == currency then
      return id, fields
    end
  end
end

-- Returns what to set in the cart `into` so that it has the lines of `from`, too, at the prices that `from` has shown,
-- and its address, shipping method and voucher where it has none; and the number of its lines then.
local ADOPTED = {{'shipping_address'}, {'shipping_method', 'shipping_price'}, {'voucher', 'voucher_terms'}}
local function merged_fields(from, into)
  local changes, count = {}, #cart_lines(into)
  -- Bound: the lines of a cart, at most 100.
  for _, line in ipairs(cart_lines(from)) do
    local name = LINE .. line[1]
    local former = into[name] and tonumber(string.match(into[name], '^%d+')) or 0
    count = count + (former == 0 and 1 or 0)
    changes[#changes + 1] = name
    changes[#changes + 1] = string.format('%.0f %.0f', math.min(former + line[2], tonumber(max_units)), line[3])
  end
  -- Bound: ADOPTED.
  for _, names in ipairs(ADOPTED) do
    local is_adopted = (into[names[1]] or '') == '' and (from[names[1]] or '') ~= ''
    -- Bound: two.
    for _, name in ipairs(is_adopted and names or {}) do
      changes[#changes + 1] = name
      changes[#changes + 1] = from[name]
    end
  end
  return changes, count
end
