-- purchase_move: takes a purchase one step on, from one of the sources that the step allows; with `restock` its units
-- go back into stock, to a withdrawn product too.
-- KEYS: purchase purchases in_stock sold_out
-- ARGV: id target sources owner by at restock product_prefix movements_prefix user_prefix erasing_prefix
-- Uses: index_sets stock purchase_fields purchase_detachment
-- Subject: buyer
-- Replies:
--   MOVED purchase...          the purchase's fields and values
--   INVALID_TRANSITION status  where the purchase is
--   NOT_FOUND, not recorded
local present = redis.call('HMGET', purchase, 'user', 'status', 'items', 'history')
local buyer, status, items, history = unpack(present)
if not status or (owner ~= '' and owner ~= buyer) then
  return reply('NOT_FOUND')
end
if not string.find(sources, ' ' .. status .. ' ', 1, true) then
  return refuse('INVALID_TRANSITION', status)
end
if is_erased(buyer) then
  detach(purchase, buyer)
  redis.call('ZREM', erasing_prefix .. buyer .. ':purchases', id)
  history, buyer = anonymous_history(history, buyer), ''
end

if restock == '1' then
  -- Bound: the lines of a purchase, at most 100.
  for _, item in ipairs(cjson.decode(items)) do
    local product = product_prefix .. item[1]
    -- A buyer is no part of the ledger: the purchase names them until they are erased.
    change_stock(item[1], redis.call('HMGET', product, unpack(STOCK_FIELDS)), item[5], target, id, by == buyer and '' or by)
    move(sold_out, in_stock, redis.call('HGET', product, 'number'))
  end
  redis.call('HSET', purchase, 'restocked', '1')
end

record_change('status', status, target)
local events = cjson.decode(history)
events[#events + 1] = {target, at, by}
redis.call('HSET', purchase, 'status', target, 'updated_at', at, 'history', cjson.encode(events))
redis.call('HINCRBY', purchase, 'version', 1)
local indexes = {purchases}
if buyer ~= '' then
  indexes[2] = user_prefix .. buyer .. ':purchases'
end
-- Bound: two.
for _, index in ipairs(indexes) do
  redis.call('ZREM', index .. ':' .. status, id)
  redis.call('ZADD', index .. ':' .. target, 0, id)
end
emit('purchase.' .. target, id, {from = status})
return answer_about(buyer, 'MOVED', unpack(redis.call('HGETALL', purchase)))
