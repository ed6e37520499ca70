-- transfer_erasure: drops the files of exports that have personal data. One that is still being written is cancelled.
-- Needs: transfers_stored transfers_due transfer_prefix
-- Gives: drop_personal_exports
-- More than may be stored.
local MAX_TRANSFERS = 20

local function drop_personal_export(id)
  local transfer = transfer_prefix .. id
  local found = redis.call('HMGET', transfer, 'direction', 'kind', 'finished_at')
  if found[1] ~= 'export' or found[2] == 'products' then
    return
  end
  redis.call('UNLINK', transfer .. ':data')
  redis.call('HSET', transfer, 'stored_bytes', '0')
  redis.call('ZREM', transfers_stored, id)
  redis.call('ZREM', transfers_due, id)
  if not found[3] then
    local now = string.format('%.0f', redis.call('TIME')[1] * 1000)
    redis.call('HSET', transfer, 'status', 'cancelled', 'finished_at', now, 'claim', '')
  end
end

local function drop_personal_exports()
  -- Bound: MAX_TRANSFERS.
  for _, id in ipairs(redis.call('ZRANGE', transfers_stored, 0, MAX_TRANSFERS - 1)) do
    drop_personal_export(id)
  end
end
