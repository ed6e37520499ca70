-- transfer_bytes: the bytes that all transfers together have in the store.
-- Needs: stored transfer transfer_prefix max_stored max_stored_bytes data is_memory_short
-- Gives: has_room store_chunk
local function has_room(chunk)
  if is_memory_short() then
    return false
  end
  local bytes = #chunk
  -- Bound: max_stored.
  for _, each in ipairs(redis.call('ZRANGE', stored, 0, max_stored - 1)) do
    bytes = bytes + (redis.call('HGET', transfer_prefix .. each, 'stored_bytes') or 0)
  end
  return bytes <= tonumber(max_stored_bytes)
end

local function store_chunk(number, chunk)
  local former = redis.call('HSTRLEN', data, number)
  redis.call('HSET', data, number, chunk)
  redis.call('HINCRBY', transfer, 'stored_bytes', #chunk - former)
end
