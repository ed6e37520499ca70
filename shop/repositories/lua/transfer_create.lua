-- transfer_create: stores a new transfer, unless the data of as many as may be is stored. Those that were created before
-- `oldest` have expired, and leave the list; so do those that are one too many. Errors of rows are stored of the newest.
-- KEYS: transfer transfers stored due
-- ARGV: id fields oldest max_stored record_ttl_s data_ttl_ms is_due transfer_prefix max_listed max_with_errors
-- Uses: transfers
-- Replies:
--   CREATED transfer...        the transfer's fields and values
--   TOO_MANY
local MAX_DROPPED = 10

-- The oldest leave a list that is full, but those that are not ended.
local function bound_list()
  local surplus = redis.call('ZCARD', transfers) - max_listed
  -- Bound: MAX_DROPPED, more than may be stored.
  for _, each in ipairs(surplus > 0 and redis.call('ZRANGE', transfers, 0, MAX_DROPPED - 1) or {}) do
    if surplus > 0 and not redis.call('ZSCORE', stored, each) and not redis.call('ZSCORE', due, each) then
      redis.call('UNLINK', transfer_prefix .. each, transfer_prefix .. each .. ':errors')
      redis.call('ZREM', transfers, each)
      surplus = surplus - 1
    end
  end
end

local function drop_old_errors()
  local place = -1 - max_with_errors
  -- Bound: MAX_DROPPED.
  for _, each in ipairs(redis.call('ZRANGE', transfers, place - MAX_DROPPED + 1, place)) do
    redis.call('UNLINK', transfer_prefix .. each .. ':errors')
  end
end

if count_stored() >= tonumber(max_stored) then
  return refuse('TOO_MANY')
end
redis.call('HSET', transfer, unpack(cjson.decode(fields)))
redis.call('EXPIRE', transfer, record_ttl_s)
redis.call('ZREMRANGEBYLEX', transfers, '-', '(' .. oldest)
redis.call('ZADD', transfers, 0, id)
redis.call('ZADD', stored, transfer_clock(data_ttl_ms), id)
bound_list()
drop_old_errors()
if is_due == '1' then
  redis.call('ZADD', due, transfer_clock(), id)
end
return answer('CREATED', unpack(redis.call('HGETALL', transfer)))
