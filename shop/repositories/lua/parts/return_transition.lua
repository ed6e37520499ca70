-- return_transition: takes a return to another status: status, version, index and event in one step.
-- Needs: returns return_prefix
-- Gives: MAX_RETURNS move_return
-- Returns of one purchase, and so the keys that erasing its buyer or refunding it goes through.
local MAX_RETURNS = 20

local function move_return(id, status, target, at, purchase_id)
  local record = return_prefix .. id
  redis.call('HSET', record, 'status', target, 'updated_at', at)
  redis.call('HINCRBY', record, 'version', 1)
  redis.call('ZREM', returns .. ':' .. status, id)
  redis.call('ZADD', returns .. ':' .. target, 0, id)
  emit('return.' .. target, id, {purchase = purchase_id, from = status})
end
