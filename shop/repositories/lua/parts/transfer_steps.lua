-- transfer_steps: a step of a transfer, recorded with what it did. It counts once: the step before it is named.
-- Its data lasts as long from here on as it did from the first, where the step has moved the cursor, which `fields` begin
-- with: one that waits without end loses its data, and ends.
-- Needs: transfer errors due data stored id claim step fields lease_ms data_ttl_ms transfer_clock
-- Gives: has_claim advance
local MAX_ROW_ERRORS = 1000

local function has_claim()
  local found = redis.call('HMGET', transfer, 'status', 'claim', 'step')
  return found[1] == 'running' and found[2] == claim and found[3] == step
end

local function advance(done, failed, failures)
  local values = cjson.decode(fields)
  local is_further = redis.call('HGET', transfer, 'cursor') ~= values[2]
  redis.call('HSET', transfer, 'step', string.format('%.0f', step + 1), unpack(values))
  redis.call('HINCRBY', transfer, 'rows_done', done)
  redis.call('HINCRBY', transfer, 'rows_failed', failed)
  local count = #failures > 0 and redis.call('HLEN', errors) or 0
  -- Bound: the errors of the rows of a step.
  for place = 1, math.min(#failures, MAX_ROW_ERRORS - count) do
    redis.call('HSET', errors, string.format('%.0f', count + place), cjson.encode(failures[place]))
  end
  if #failures > 0 then
    redis.call('PEXPIREAT', errors, redis.call('PEXPIRETIME', transfer))
  end
  if is_further then
    redis.call('PEXPIRE', data, data_ttl_ms)
    redis.call('ZADD', stored, 'XX', transfer_clock(data_ttl_ms), id)
  end
  redis.call('ZADD', due, transfer_clock(lease_ms), id)
end
