-- transfer_append: stores a chunk of an upload.
-- KEYS: transfer data stored
-- ARGV: id upload number chunk data_ttl_ms transfer_prefix max_stored max_stored_bytes
-- Uses: transfers memory transfer_bytes
-- Replies:
--   APPENDED
--   UPLOAD_LOST, not recorded
--   FULL, not recorded
local found = redis.call('HMGET', transfer, 'status', 'claim')
if found[1] ~= 'receiving' or found[2] ~= upload then
  return reply('UPLOAD_LOST')
end
count_stored()
-- The chunks before this one have expired.
if number ~= '0' and not is_stored() then
  return reply('UPLOAD_LOST')
end
if not has_room(chunk) then
  return reply('FULL')
end
store_chunk(number, chunk)
redis.call('PEXPIRE', data, data_ttl_ms)
redis.call('ZADD', stored, transfer_clock(data_ttl_ms), id)
return answer('APPENDED')
