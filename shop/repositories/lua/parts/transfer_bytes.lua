-- transfer_bytes: the bytes that all transfers together have in the store. A transfer whose data has expired is none of
-- those that may have some: it must not come back where as many as may be are there.
-- Needs: id stored count_stored transfer transfer_prefix max_stored max_stored_bytes data is_memory_short
-- Gives: is_stored has_room store_chunk
local function is_stored()
  return redis.call('ZSCORE', stored, id)
end

local function has_room(chunk)
  if is_memory_short() or count_stored() >= tonumber(max_stored) and not is_stored() then
    return false
  end
  local bytes = #chunk
  -- Bound: max_stored, which none of the scripts passes.
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
