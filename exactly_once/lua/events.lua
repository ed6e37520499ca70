-- Precedes write.lua: the outbox, a stream of events for other systems (a transactional outbox, as in
-- https://microservices.io/patterns/data/transactional-outbox.html). A script emits an event in the step that makes the
-- change, so there is no change without its event, and no event without its change. The id of an event is that of the
-- stream: unique, and later than those of the events before it. As the journal, the stream is no key of the script.
-- Bound of the stream, where nothing takes events out of it.
local MAX_EVENTS = 1000000

-- `data` has no personal data: events outlive the people that they are about.
local function emit(kind, object, data)
  local fields = {'type', kind, 'object', object, 'data', cjson.encode(data), 'request', request_id}
  redis.call('XADD', events, 'MAXLEN', '~', MAX_EVENTS, '*', unpack(fields))
end

-- What follows the last colon of a key: the id of what is stored there.
local function id_of(key)
  return string.match(key, '[^:]*$')
end
