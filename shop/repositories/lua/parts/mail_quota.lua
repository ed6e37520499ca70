-- mail_quota: counts the mails to an address and those that a network asked for, in windows of an hour.
-- Needs: mails_of_address mails_of_network max_of_address max_of_network
-- Gives: take_mail
local WINDOW_S = 3600

-- Returns whether one more mail may be sent, and counts it.
local function take_mail()
  local of_address, of_network = unpack(redis.call('MGET', mails_of_address, mails_of_network))
  if tonumber(of_address or 0) >= tonumber(max_of_address) or tonumber(of_network or 0) >= tonumber(max_of_network) then
    return false
  end
  -- Bound: two.
  for _, count in ipairs({mails_of_address, mails_of_network}) do
    redis.call('INCR', count)
    redis.call('EXPIRE', count, WINDOW_S, 'NX')
  end
  return true
end
