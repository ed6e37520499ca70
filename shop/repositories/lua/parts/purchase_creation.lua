-- purchase_creation: what every way to buy has in common: the lines are priced, all of them or none are taken from
-- stock, and the purchase is stored and indexed. A guest's is in no list of a user.
-- Needs: id buyer purchase in_stock sold_out purchases purchases_of_status user_purchases user_purchases_of_status product_prefix max_total STOCK_FIELDS change_stock held_units own_units move
-- Gives: priced store_purchase
local LINE_FIELDS = {'sku', 'name', 'price', 'currency', 'number', 'withdrawn', 'held', unpack(STOCK_FIELDS)}

-- Takes lines {product, quantity, place, whether it differs from the request's}. Returns what they come to: items as a
-- purchase has them, what to take, and what stands in the way. `cart` has bought nothing yet, and `hold` are the units
-- that it holds by their products: they are not counted against it.
local function priced(lines, cart, hold)
  local largest, seen = tonumber(max_total), {}
  local all = {
    items = {}, taken = {}, unknown = {}, shortages = {}, currencies = {}, currency_of = {}, total = 0, is_too_large = false
  }
  -- Bound: the lines of a purchase, at most 100.
  for at, line in ipairs(lines) do
    local product, quantity, place, differs = unpack(line, 1, 4)
    local found = redis.call('HMGET', product_prefix .. product, unpack(LINE_FIELDS))
    local sku, name, price, currency, number, withdrawn, held = unpack(found, 1, 7)
    if not sku or withdrawn then
      all.unknown[#all.unknown + 1] = place
    else
      if not seen[currency] then
        seen[currency] = true
        all.currencies[#all.currencies + 1] = currency
      end
      local stock, others = {unpack(found, 8, 11)}, held_units(product, held)
      local available = stock[1] - others + (hold and own_units(product, cart, hold[product]) or 0)
      if available < quantity then
        available = math.max(available, 0)
        all.shortages[#all.shortages + 1] = differs and {product, quantity, available} or {place, available}
      end
      local line_total = price * quantity
      all.total = all.total + line_total
      all.is_too_large = all.is_too_large or line_total > largest or all.total > largest
      all.items[at] = {product, sku, name, price, quantity, string.format('%.0f', line_total)}
      all.taken[at], all.currency_of[at] = {product, stock, quantity, number}, currency
    end
  end
  return all
end

-- Takes the units, and stores the purchase with these fields beside its lines. Returns its fields and values.
local function store_purchase(all, fields)
  -- Bound: the lines of a purchase.
  for _, take in ipairs(all.taken) do
    local product, stock, quantity, number = unpack(take)
    change_stock(product, stock, -quantity, 'sale', id, '')
    if tonumber(stock[1]) == quantity then
      move(in_stock, sold_out, number)
    end
  end
  local record = {'items', cjson.encode(all.items), 'currency', all.currencies[1], unpack(fields)}
  redis.call('HSET', purchase, unpack(record))
  local indexes = {purchases, purchases_of_status}
  if buyer ~= '' then
    indexes = {purchases, purchases_of_status, user_purchases, user_purchases_of_status}
  end
  -- Bound: four.
  for _, index in ipairs(indexes) do
    redis.call('ZADD', index, 0, id)
  end
  return record
end
