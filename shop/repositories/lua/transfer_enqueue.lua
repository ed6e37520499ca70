-- transfer_enqueue: ends an upload. A worker may begin with the transfer.
-- KEYS: transfer data stored due
-- ARGV: id upload fields record_ttl_s data_ttl_ms
-- Uses: transfers
-- Replies:
--   QUEUED transfer...         the transfer's fields and values
--   UPLOAD_LOST, not recorded
local found = redis.call('HMGET', transfer, 'status', 'claim')
if found[1] ~= 'receiving' or found[2] ~= upload then
  return reply('UPLOAD_LOST')
end
count_stored()
if not redis.call('ZSCORE', stored, id) then
  return reply('UPLOAD_LOST')
end
redis.call('HSET', transfer, 'status', 'queued', 'claim', '', unpack(cjson.decode(fields)))
redis.call('EXPIRE', transfer, record_ttl_s)
redis.call('PEXPIRE', data, data_ttl_ms)
redis.call('ZADD', stored, transfer_clock(data_ttl_ms), id)
redis.call('ZADD', due, transfer_clock(), id)
return answer('QUEUED', unpack(redis.call('HGETALL', transfer)))
