-- purchase_transition: takes a purchase to another status: status, history, version, indexes and event in one step. The
-- script that uses it checks first that the status may follow. A refund settles the returns that were received.
-- Needs: purchase_prefix purchases user_prefix erasing_prefix return_prefix is_erased anonymous_history detach MAX_RETURNS move_return
-- Gives: transition
local function settle_returns(id, at)
  -- Bound: MAX_RETURNS.
  for _, return_id in ipairs(redis.call('ZRANGE', purchase_prefix .. id .. ':returns', 0, MAX_RETURNS - 1)) do
    if redis.call('HGET', return_prefix .. return_id, 'status') == 'received' then
      move_return(return_id, 'received', 'refunded', at, id)
    end
  end
end

-- An erased buyer leaves the purchase with its next step at the latest.
local function forget_erased_buyer(id, fields)
  local buyer = fields.user
  if is_erased(buyer) then
    detach(purchase_prefix .. id, buyer)
    redis.call('ZREM', erasing_prefix .. buyer .. ':purchases', id)
    fields.history, fields.user = anonymous_history(fields.history, buyer), ''
  end
end

local function index_status(index, id, status, target)
  redis.call('ZREM', index .. ':' .. status, id)
  redis.call('ZADD', index .. ':' .. target, 0, id)
end

-- A guest's purchase that ends unpaid has no use for who they are: it is listed by when that goes. One that is paid after
-- all has.
local GUEST_RETENTION_MS = 7 * 86400000
local UNPAID_ENDS = {expired = true, cancelled = true}
local function list_guest(id, fields, status, target, at)
  redis.call('ZREM', purchases .. ':' .. fields.guest_customer, id)
  if status == 'placed' and UNPAID_ENDS[target] then
    redis.call('ZADD', purchases .. ':forget', string.format('%.0f', at + GUEST_RETENTION_MS), id)
  elseif UNPAID_ENDS[status] then
    redis.call('ZREM', purchases .. ':forget', id)
  end
end

-- Takes what `purchase_state` returned, and brings it up to date. `data` is what the event has beside the former status.
local function transition(id, fields, target, at, by, data)
  local purchase, status = purchase_prefix .. id, fields.status
  forget_erased_buyer(id, fields)
  record_change('status', status, target)
  local events = cjson.decode(fields.history)
  events[#events + 1] = {target, at, by}
  fields.status, fields.history = target, cjson.encode(events)
  redis.call('HSET', purchase, 'status', target, 'updated_at', at, 'history', fields.history)
  redis.call('HINCRBY', purchase, 'version', 1)
  index_status(purchases, id, status, target)
  if fields.user ~= '' then
    index_status(user_prefix .. fields.user .. ':purchases', id, status, target)
  end
  if fields.guest_customer then
    list_guest(id, fields, status, target, at)
  end
  if fields.pay_by then
    redis.call('ZREM', purchases .. ':pay_by', id)
  end
  if target == 'refunded' or target == 'partially_refunded' then
    settle_returns(id, at)
  end
  data = data or {}
  data.from = status
  emit('purchase.' .. target, id, data)
end
