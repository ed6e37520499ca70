-- Precedes every script that writes. A store of another schema is left alone: it is being migrated, or a later version
-- of the application has migrated it. Then the script looks up the record of the request before anything else: a
-- recorded outcome is returned, and nothing is done. Every run advances the revision, a repeat too: WAIT waits for the
-- last write of its connection, and after a script that wrote nothing it would not wait at all.
local stored_schema, stored_epoch, recorded = unpack(redis.call('MGET', schema, epoch, request))
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
  if record.fingerprint ~= fingerprint then
    return {new_revision, request_id, 'KEY_REUSED'}
  end
  return {new_revision, record.by, unpack(record.outcome)}
end

-- A reply that is not recorded: nothing was changed, and a repeat looks anew.
local function reply(...)
  return {new_revision, request_id, ...}
end

-- A recorded outcome: every repeat gets it. All values are strings.
local function answer(...)
  local record = cjson.encode({fingerprint = fingerprint, by = request_id, outcome = {...}})
  redis.call('SET', request, record, 'EX', ttl_s)
  return reply(...)
end

-- A recorded outcome that holds personal data of a subject: erasing the subject erases it. Expired records are dropped
-- from the subject's list on the way.
local function answer_about(subject, ...)
  if subject ~= '' then
    local outcomes, now = outcomes_prefix .. subject, tonumber(redis.call('TIME')[1])
    redis.call('ZREMRANGEBYSCORE', outcomes, '-inf', now)
    redis.call('ZADD', outcomes, now + ttl_s, request)
    redis.call('EXPIRE', outcomes, ttl_s, 'NX')
    redis.call('EXPIRE', outcomes, ttl_s, 'GT')
  end
  return answer(...)
end
