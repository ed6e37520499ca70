-- transfer_advance: records a step of a transfer, and appends a chunk to the result of an export. The records of the
-- step's own writes, whose keys are `settled`, are dropped: once the step is recorded, nothing repeats them.
-- KEYS: transfer errors due data stored
-- ARGV: id claim step fields done failed failures lease_ms data_ttl_ms settled chunk number transfer_prefix max_stored max_stored_bytes
-- Uses: transfers transfer_steps memory transfer_bytes
-- Replies:
--   ADVANCED
--   CLAIM_LOST, not recorded
--   FULL, not recorded
if not has_claim() then
  return reply('CLAIM_LOST')
end
if chunk ~= '' then
  -- What was written before has expired, where it is not stored any more.
  if not has_room(chunk) or not is_stored() then
    return reply('FULL')
  end
  store_chunk(number, chunk)
  redis.call('PEXPIRE', data, data_ttl_ms)
  redis.call('ZADD', stored, transfer_clock(data_ttl_ms), id)
end
advance(done, failed, cjson.decode(failures))
local records = cjson.decode(settled)
if #records > 0 then
  redis.call('UNLINK', unpack(records))
end
return answer('ADVANCED')
