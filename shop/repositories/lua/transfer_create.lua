-- transfer_create: stores a new transfer, unless the data of as many as may be is stored. Those that were created before
-- `oldest` have expired, and leave the list.
-- KEYS: transfer transfers stored due
-- ARGV: id fields oldest max_stored record_ttl_s data_ttl_ms is_due
-- Uses: transfers
-- Replies:
--   CREATED transfer...        the transfer's fields and values
--   TOO_MANY
if count_stored() >= tonumber(max_stored) then
  return refuse('TOO_MANY')
end
redis.call('HSET', transfer, unpack(cjson.decode(fields)))
redis.call('EXPIRE', transfer, record_ttl_s)
redis.call('ZREMRANGEBYLEX', transfers, '-', '(' .. oldest)
redis.call('ZADD', transfers, 0, id)
redis.call('ZADD', stored, transfer_clock(data_ttl_ms), id)
if is_due == '1' then
  redis.call('ZADD', due, transfer_clock(), id)
end
return answer('CREATED', unpack(redis.call('HGETALL', transfer)))
