-- outcome_erasure: erases the recorded outcomes that hold personal data of a subject. Who repeats one of these requests
-- is told that its outcome is gone.
-- Needs: outcomes_prefix
-- Gives: erase_outcomes
local function erase_outcomes(subject)
  local outcomes = outcomes_prefix .. subject
  for _, record in ipairs(redis.call('ZRANGE', outcomes, 0, -1)) do
    local text = redis.call('GET', record)
    if text then
      local erased = cjson.decode(text)
      erased.outcome = {'ERASED'}
      redis.call('SET', record, cjson.encode(erased), 'KEEPTTL')
    end
  end
  redis.call('DEL', outcomes)
end
