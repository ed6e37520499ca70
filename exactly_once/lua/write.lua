-- Precedes every script that writes. A store of another schema is left alone: it is being migrated, or a later version
-- of the application has migrated it. Then the script looks up the record of the request before anything else: a
-- recorded outcome is returned, and nothing is done. Every run advances the revision, a repeat too: WAIT waits for the
-- last write of its connection, and after a script that wrote nothing it would not wait at all.
local stored_schema, stored_epoch, recorded, stored_rate = unpack(redis.call('MGET', schema, epoch, request, rate))
if schema_version ~= '' and stored_schema and stored_schema ~= schema_version then
  return {{0, 0}, request_id, 'SCHEMA_CHANGED', stored_schema}
end

-- The key `epoch` has a number and the primary that began it. The number advances with the configuration epoch of the
-- Sentinels, and also where another primary comes with no higher one: the Sentinels have lost their files. So the writes
-- of two primaries never have one epoch in one history.
local function current_epoch()
  if stored_epoch == primary_epoch then
    return tonumber(string.match(primary_epoch, '^%d+'))
  end
  local stored, stored_primary = string.match(stored_epoch or '0 ', '^(%d+) (.*)$')
  local reported, primary = string.match(primary_epoch, '^(%d+) (.*)$')
  local least = tonumber(stored) + (primary == stored_primary and 0 or 1)
  local number = math.max(tonumber(reported), least)
  if number > tonumber(stored) then
    redis.call('SET', epoch, string.format('%d %s', number, primary))
  end
  return number
end

local new_revision = {current_epoch(), redis.call('INCR', revision)}
if new_revision[2] == 1 and schema_version ~= '' then
  redis.call('SET', schema, schema_version)
end
if recorded then
  local record = cjson.decode(recorded)
  -- A record of an earlier version names no caller, and counts for every one: it ends within a retry's time.
  if record.fingerprint ~= fingerprint or (record.caller or caller_fingerprint) ~= caller_fingerprint then
    return {new_revision, request_id, 'KEY_REUSED'}
  end
  if record.subject and redis.call('EXISTS', outcomes_prefix .. record.subject .. ':erasing') == 1 then
    return {new_revision, record.by, 'ERASED'}
  end
  return {new_revision, record.by, unpack(record.outcome)}
end

-- The caller's rate limit counts here, behind the record: a repeat is never charged. Nor is a try that is made anew.
local state
if tonumber(rate_interval_us) > 0 then
  state = rate_state(stored_rate, tonumber(rate_interval_us), tonumber(rate_burst))
  new_revision[3] = state.reply
  if not state.is_admitted then
    return {new_revision, request_id, 'RATE_LIMITED'}
  end
end
local UNCHARGED = {CHANGED = true, EXPIRED = true}

-- A reply that is not recorded: nothing was changed, and a repeat looks anew.
local function reply(tag, ...)
  if state and not UNCHARGED[tag] then
    charge_rate(rate, state)
  end
  return {new_revision, request_id, tag, ...}
end

local function record_outcome(seconds, properties, ...)
  properties.fingerprint, properties.caller = fingerprint, caller_fingerprint
  properties.by, properties.outcome = request_id, {...}
  redis.call('SET', request, cjson.encode(properties), 'EX', seconds)
  if not properties.is_refusal then
    append_to_journal()
  end
  return reply(...)
end

-- A recorded outcome: every repeat gets it. All values are strings.
local function answer(...)
  return record_outcome(ttl_s, {}, ...)
end

-- A recorded refusal, which has changed nothing. It is recorded for REFUSAL_TTL_S at most. Beyond max_refusals of one
-- caller the oldest make room; a record that is no refusal never does, though it has the key of a former one.
local REFUSAL_TTL_S, MAX_DROPPED = 600, 10
local function drop_refusals(surplus)
  -- Bound: MAX_DROPPED. Each refusal adds one; after max_refusals was lowered, each drops some more.
  for _, oldest in ipairs(redis.call('ZRANGE', refusals, 0, math.min(surplus, MAX_DROPPED) - 1)) do
    local text = redis.call('GET', oldest)
    if text and cjson.decode(text).is_refusal then
      redis.call('UNLINK', oldest)
    end
    redis.call('ZREM', refusals, oldest)
  end
end

local function refuse(...)
  local time, seconds = redis.call('TIME'), math.min(ttl_s, REFUSAL_TTL_S)
  local now = time[1] * 1000000 + time[2]
  redis.call('ZREMRANGEBYSCORE', refusals, '-inf', string.format('%.0f', now))
  redis.call('ZADD', refusals, string.format('%.0f', now + seconds * 1000000), request)
  redis.call('EXPIRE', refusals, REFUSAL_TTL_S)
  local surplus = redis.call('ZCARD', refusals) - max_refusals
  if surplus > 0 then
    drop_refusals(surplus)
  end
  return record_outcome(seconds, {is_refusal = true}, ...)
end

-- A recorded outcome that holds personal data of a subject: erasing the subject erases it. Expired records are dropped
-- from the subject's list on the way.
local function answer_about(subject, ...)
  if subject == '' then
    return answer(...)
  end
  local outcomes, now = outcomes_prefix .. subject, tonumber(redis.call('TIME')[1])
  redis.call('ZREMRANGEBYSCORE', outcomes, '-inf', now)
  redis.call('ZADD', outcomes, now + ttl_s, request)
  -- The list outlives its records by a tenth of their time, so that most of them need not extend it.
  if redis.call('TTL', outcomes) < tonumber(ttl_s) then
    redis.call('EXPIRE', outcomes, math.ceil(ttl_s * 1.1))
  end
  return record_outcome(ttl_s, {subject = subject}, ...)
end
