-- outcome_erasure: erases the recorded outcomes that hold personal data of a subject, in steps. From the first one on,
-- a repeat of one of these requests finds that its outcome is gone.
-- Needs: outcomes_prefix
-- Gives: begin_outcome_erasure erase_outcomes has_outcomes_to_erase
-- Hides the subject's outcomes. write.lua looks for the key that this makes.
local function begin_outcome_erasure(subject)
  local outcomes = outcomes_prefix .. subject
  if redis.call('EXISTS', outcomes) == 1 then
    redis.call('RENAME', outcomes, outcomes .. ':erasing')
  end
end

-- Erases the next hidden outcomes, and returns how many.
local function erase_outcomes(subject, max_outcomes)
  local outcomes = outcomes_prefix .. subject .. ':erasing'
  local records = redis.call('ZRANGE', outcomes, 0, max_outcomes - 1)
  -- Bound: max_outcomes, at most 20.
  for _, record in ipairs(records) do
    local text = redis.call('GET', record)
    if text then
      local erased = cjson.decode(text)
      erased.outcome, erased.subject = {'ERASED'}, nil
      redis.call('SET', record, cjson.encode(erased), 'KEEPTTL')
    end
    redis.call('ZREM', outcomes, record)
  end
  return #records
end

local function has_outcomes_to_erase(subject)
  return redis.call('EXISTS', outcomes_prefix .. subject .. ':erasing') == 1
end
