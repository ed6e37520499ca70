-- transfers: which transfers have data in the store, and the end of one.
-- Needs: stored
-- Gives: transfer_clock count_stored
-- Returns the milliseconds of the clock of the primary, and so many more, as text.
local function transfer_clock(more)
  local time = redis.call('TIME')
  return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + (more or 0))
end

-- Returns how many have data, without those whose data has expired.
local function count_stored()
  redis.call('ZREMRANGEBYSCORE', stored, '-inf', transfer_clock())
  return redis.call('ZCARD', stored)
end
