-- mail_quota: counts the mails of one purpose to an address as asked for by a network, to the address, and those that the
-- network asked for, in windows of an hour.
-- Needs: mails_of_pair mails_of_address mails_of_network max_of_pair max_of_address max_of_network
-- Gives: take_mail
local WINDOW_S = 3600

-- Returns whether one more mail may be sent, and counts it.
local function take_mail()
  local counters = {mails_of_pair, mails_of_address, mails_of_network}
  local counts = redis.call('MGET', unpack(counters))
  -- Bound: three.
  for place, most in ipairs({max_of_pair, max_of_address, max_of_network}) do
    if tonumber(counts[place] or 0) >= tonumber(most) then
      return false
    end
  end
  -- Bound: three.
  for _, counter in ipairs(counters) do
    redis.call('INCR', counter)
    redis.call('EXPIRE', counter, WINDOW_S, 'NX')
  end
  return true
end
