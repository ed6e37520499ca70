-- vouchers: whether a voucher applies to what is bought, its redemption, and its return. Its limits are compared and
-- counted in one script, so no two purchases redeem the last one.
-- Needs: voucher_prefix
-- Gives: voucher_fields voucher_terms voucher_obstacle redeem_voucher
local VOUCHER_FIELDS = {
  'id', 'kind', 'value', 'currency', 'minimum', 'starts_at', 'ends_at', 'limit', 'limit_per_customer', 'redeemed',
  'is_paused',
}

-- Returns the fields of the voucher of this code by their names; nil where there is none.
local function voucher_fields(code)
  local found, voucher = redis.call('HMGET', voucher_prefix .. code, unpack(VOUCHER_FIELDS)), {}
  if not found[1] then
    return nil
  end
  -- Bound: the fields above.
  for place, name in ipairs(VOUCHER_FIELDS) do
    voucher[name] = found[place]
  end
  return voucher
end

-- Returns what the voucher takes off, as a cart remembers it.
local function voucher_terms(voucher)
  return voucher.kind .. ' ' .. voucher.value
end

local function is_reached(limit, count)
  return limit ~= '' and tonumber(count or 0) >= tonumber(limit)
end

local function customers_of(code)
  return voucher_prefix .. code .. ':customers'
end

-- Returns why the voucher does not apply, or nil; obstacle_of in shop/domain/vouchers.py decides the same, in this
-- order. A customer who is not known yet is empty.
local function voucher_obstacle(voucher, code, customer, currency, items, now)
  if not voucher then
    return 'unknown'
  elseif voucher.is_paused == '1' then
    return 'paused'
  elseif voucher.starts_at ~= '' and now < tonumber(voucher.starts_at) then
    return 'not-started'
  elseif voucher.ends_at ~= '' and now >= tonumber(voucher.ends_at) then
    return 'ended'
  elseif is_reached(voucher.limit, voucher.redeemed) then
    return 'exhausted'
  elseif customer ~= '' and is_reached(voucher.limit_per_customer, redis.call('HGET', customers_of(code), customer)) then
    return 'exhausted-for-customer'
  elseif voucher.currency ~= '' and voucher.currency ~= currency then
    return 'other-currency'
  elseif voucher.minimum ~= '' and items < tonumber(voucher.minimum) then
    return 'below-minimum'
  end
end

local function redeem_voucher(code, customer, purchase_id)
  redis.call('HINCRBY', voucher_prefix .. code, 'redeemed', 1)
  redis.call('HINCRBY', customers_of(code), customer, 1)
  emit('voucher.redeemed', code, {purchase = purchase_id})
end
