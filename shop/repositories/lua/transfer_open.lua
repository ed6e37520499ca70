-- transfer_open: begins the upload of a transfer that is being received, and drops what an earlier one has stored. Of a
-- transfer in another status nothing changes.
-- KEYS: transfer data
-- Replies:
--   OPENED transfer...         the transfer's fields and values
--   NOT_FOUND, not recorded
local status = redis.call('HGET', transfer, 'status')
if not status then
  return reply('NOT_FOUND')
end
if status == 'receiving' then
  redis.call('UNLINK', data)
  redis.call('HSET', transfer, 'claim', request_id, 'stored_bytes', '0')
end
return answer('OPENED', unpack(redis.call('HGETALL', transfer)))
