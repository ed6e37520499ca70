-- clock: the time in milliseconds by the clock of the primary, the same for the whole script: those of the API's machines
-- differ.
-- Gives: clock_ms
local clock
local function clock_ms()
  if not clock then
    local time = redis.call('TIME')
    clock = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return clock
end
