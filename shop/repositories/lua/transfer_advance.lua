-- transfer_advance: records a step of a transfer, and appends a chunk to the result of an export.
-- KEYS: transfer errors due data stored
-- ARGV: id claim step fields done failed failures lease_ms data_ttl_ms chunk number transfer_prefix max_stored max_stored_bytes
-- Uses: transfers transfer_steps transfer_bytes
-- Replies:
--   ADVANCED
--   CLAIM_LOST, not recorded
--   FULL, not recorded
if not has_claim() then
  return reply('CLAIM_LOST')
end
if chunk ~= '' then
  count_stored()
  if not has_room(chunk) then
    return reply('FULL')
  end
  store_chunk(number, chunk)
  redis.call('PEXPIRE', data, data_ttl_ms)
  redis.call('ZADD', stored, transfer_clock(data_ttl_ms), id)
end
advance(done, failed, cjson.decode(failures))
return answer('ADVANCED')
