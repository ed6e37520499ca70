-- transfer_open: begins the upload of a transfer that is being received, and drops what an earlier one has stored. Where
-- `refused` names an upload, that one alone is ended: its place goes to others until the next one's first chunk. Of a
-- transfer in another status nothing changes.
-- KEYS: transfer data stored
-- ARGV: id refused
-- Replies:
--   OPENED transfer...         the transfer's fields and values
--   NOT_FOUND, not recorded
local found = redis.call('HMGET', transfer, 'status', 'claim')
if not found[1] then
  return reply('NOT_FOUND')
end
if found[1] == 'receiving' and (refused == '' or refused == found[2]) then
  redis.call('UNLINK', data)
  redis.call('HSET', transfer, 'claim', request_id, 'stored_bytes', '0')
  if refused ~= '' then
    redis.call('ZREM', stored, id)
  end
end
return answer('OPENED', unpack(redis.call('HGETALL', transfer)))
