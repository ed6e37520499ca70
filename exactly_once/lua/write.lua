-- Goes before every script that writes. The request's record is looked up before anything else: what was answered
-- once is answered again, and nothing is done. Every run counts the fence up, a repeat too, because WAIT waits for the
-- last write of its connection, and after a script that wrote nothing it would not wait at all.
local sequence = redis.call('INCR', fence)
local recorded = redis.call('GET', request)
if recorded then
  local first = cjson.decode(recorded)
  if first.fingerprint ~= fingerprint then
    return {sequence, request_id, 'KEY_REUSED'}
  end
  return {sequence, first.by, unpack(first.outcome)}
end

-- An answer that changed nothing and that a repeat may find otherwise.
local function reply(...)
  return {sequence, request_id, ...}
end

-- An outcome: whoever asks with the same record is told the same. All values are strings.
local function answer(...)
  local outcome = {...}
  redis.call('SET', request, cjson.encode({fingerprint = fingerprint, by = request_id, outcome = outcome}), 'EX', remember)
  return reply(...)
end
