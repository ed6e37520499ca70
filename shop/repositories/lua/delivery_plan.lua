-- delivery_plan: takes the next events as the consumer group `work`, and plans the deliveries of each in the same step.
-- So an event is taken exactly once, and none is pending in the group: what follows is in the deliveries.
-- KEYS: endpoints deliveries_due
-- ARGV: consumer max_planned max_endpoints max_pending max_listed mail_types retry_window_ms endpoint_prefix delivery_prefix
-- Uses: deliveries delivery_planning
-- Replies:
--   PLANNED events dropped     how many events were taken, and how many deliveries were not stored
local GROUP, TEST, MAIL, CART = 'work', 'webhook.test', 'mail', 'cart.'

-- The more endpoints there are, the fewer events one run takes.
local wanted = math.max(math.floor(max_planned / (redis.call('ZCARD', endpoints) + 1)), 1)
local function read_group()
  return redis.pcall('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', wanted, 'NOACK', 'STREAMS', events, '>')
end

-- The group begins with the first event of the stream: there are none from before there was a worker.
local function next_events()
  local found = read_group()
  if found and found.err then
    redis.call('XGROUP', 'CREATE', events, GROUP, '0', 'MKSTREAM')
    found = read_group()
  end
  return found and found[1][2] or {}
end

local function read_endpoints()
  local found = {}
  -- Bound: max_endpoints.
  for place, id in ipairs(redis.call('ZRANGE', endpoints, 0, max_endpoints - 1)) do
    local is_enabled, types, created_at =
      unpack(redis.call('HMGET', endpoint_prefix .. id, 'is_enabled', 'types', 'created_at'))
    found[place] = {id = id, is_enabled = is_enabled == '1', types = types, created_at = tonumber(created_at)}
  end
  return found
end

-- Whether a word is in a list that is separated by spaces.
local function has_word(list, word)
  return string.find(' ' .. list .. ' ', ' ' .. word .. ' ', 1, true) ~= nil
end

local function gets(endpoint, event, emitted_at)
  if event.type == TEST then
    return event.object == endpoint.id
  end
  -- Events of carts are many, and anyone may make one: an endpoint has to name them.
  local is_unnamed = endpoint.types == '' and string.sub(event.type, 1, #CART) ~= CART
  local is_for_it = is_unnamed or has_word(endpoint.types, event.type)
  return endpoint.is_enabled and is_for_it and emitted_at >= endpoint.created_at
end

local found, now, receivers, touched, dropped = next_events(), now_ms(), read_endpoints(), {}, 0
local function plan(endpoint, id, event)
  if plan_delivery(endpoint, id, event, now) then
    touched[endpoint] = true
  else
    dropped = dropped + 1
  end
end
-- Bound: max_planned deliveries, or one event of max_endpoints and the mail.
for _, entry in ipairs(found) do
  local id, flat, event = entry[1], entry[2], {}
  -- Bound: the fields of an event, see events.lua: four.
  for place = 1, #flat, 2 do
    event[flat[place]] = flat[place + 1]
  end
  local emitted_at = tonumber(string.match(id, '^%d+'))
  -- Bound: max_endpoints.
  for _, endpoint in ipairs(receivers) do
    if gets(endpoint, event, emitted_at) then
      plan(endpoint.id, id, event)
    end
  end
  if has_word(mail_types, event.type) and emitted_at > now - retry_window_ms then
    plan(MAIL, id, event)
  end
end
-- Bound: max_endpoints and the mail.
for endpoint in pairs(touched) do
  schedule(endpoint)
end
return answer('PLANNED', tostring(#found), tostring(dropped))
