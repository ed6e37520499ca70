-- user_erasure: the first step of an erasure. It sets aside what the further steps erase, at the same cost for every
-- user.
-- Needs: id user_purchases erasing_purchases statuses begin_outcome_erasure has_outcomes_to_erase
-- Gives: begin_erasure
-- Returns whether further steps have anything to erase.
local function begin_erasure()
  begin_outcome_erasure(id)
  if redis.call('EXISTS', user_purchases) == 1 then
    redis.call('RENAME', user_purchases, erasing_purchases)
  end
  -- Bound: the statuses, 9.
  for status in string.gmatch(statuses, '%S+') do
    redis.call('UNLINK', user_purchases .. ':' .. status)
  end
  return has_outcomes_to_erase(id) or redis.call('EXISTS', erasing_purchases) == 1
end
