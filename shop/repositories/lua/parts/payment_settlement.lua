-- payment_settlement: money and goods come together: what happens to a purchase whose payment is captured. A purchase that
-- the shop has ended, expired or cancelled, takes its units and its voucher again, if they are there; one that cannot have
-- the money, or gets a part of it only, has the payment orphaned, and all of it refunded.
-- Needs: product_prefix purchase_prefix is_erased in_stock sold_out STOCK_FIELDS change_stock move held_units transition redeem_again reserve_refund
-- Gives: settle_purchase

-- Returns what to take of each product that the purchase gave back, or nil where not all of it is there.
local function units_to_take(owner)
  local taken, restored = {}, cjson.decode(owner.restocked_units or '{}')
  -- Bound: the lines of a purchase, at most 100.
  for place, item in ipairs(cjson.decode(owner.items)) do
    local product = item[1]
    local has_given_all = owner.restocked == '1' or owner.status == 'cancelled'
    local units = has_given_all and item[5] or restored[product] or 0
    local record = product_prefix .. product
    local number, withdrawn, held = unpack(redis.call('HMGET', record, 'number', 'withdrawn', 'held'), 1, 3)
    local stock = redis.call('HMGET', record, unpack(STOCK_FIELDS))
    if units > 0 and (withdrawn or not stock[1] or stock[1] - held_units(product, held) < units) then
      return nil
    end
    taken[place] = {product, stock, units, number}
  end
  return taken
end

-- Returns whether it is not known any more where the goods go: the guest is forgotten, or the user erased.
local function has_no_customer(purchase_id, user)
  local is_forgotten, guest = unpack(redis.call('HMGET', purchase_prefix .. purchase_id, 'is_forgotten', 'guest'), 1, 2)
  return is_forgotten or is_erased(user) or (user == '' and (guest or '') == '')
end

local function take_again(purchase_id, owner)
  if has_no_customer(purchase_id, owner.user) then
    return false
  end
  local taken = units_to_take(owner)
  if not taken or not redeem_again(purchase_prefix .. purchase_id, purchase_id) then
    return false
  end
  -- Bound: the lines of a purchase.
  for _, take in ipairs(taken) do
    local product, stock, units, number = unpack(take)
    if units > 0 then
      change_stock(product, stock, -units, 'sale', purchase_id, '')
      if tonumber(stock[1]) == units then
        move(in_stock, sold_out, number)
      end
    end
  end
  owner.restocked, owner.restocked_units = nil, nil
  redis.call('HDEL', purchase_prefix .. purchase_id, 'restocked', 'restocked_units')
  return true
end

-- Returns whether the shop ended the purchase because it was not paid in time: what a buyer or staff cancelled stays so.
local function is_overdue(owner)
  local events = cjson.decode(owner.history)
  return owner.status == 'expired' or (owner.status == 'cancelled' and events[#events][3] == 'system')
end

-- Takes the payment's fields and what `purchase_state` returned of its purchase. Once for each payment.
local function settle_purchase(payment_id, fields, owner, refund_id, at)
  local purchase_id = fields.purchase
  local is_whole = tonumber(fields.captured) >= tonumber(fields.amount)
  if is_whole and (owner.status == 'placed' or (is_overdue(owner) and take_again(purchase_id, owner))) then
    redis.call('HSET', purchase_prefix .. purchase_id, 'payment', payment_id)
    transition(purchase_id, owner, 'paid', at, 'system', {payment = payment_id})
    return 'paid'
  end
  fields.status = 'orphaned'
  local rest = fields.captured - fields.refunded
  if rest > 0 then
    reserve_refund(payment_id, fields, refund_id, rest, '0', 'orphaned', 'system', at)
  end
  return 'orphaned'
end
