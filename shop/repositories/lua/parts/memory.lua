-- memory: whether the store is short of memory. What is left then is for purchases: imports and exports get none of it.
-- Gives: is_memory_short
local MAX_SHARE = 0.8

-- A store without a limit is never short.
local function is_memory_short()
  local memory = redis.call('INFO', 'memory')
  local used, limit = string.match(memory, 'used_memory%p(%d+)'), tonumber(string.match(memory, 'maxmemory%p(%d+)'))
  return limit > 0 and tonumber(used) > limit * MAX_SHARE
end
