-- user_page: a page of the users in the order of their ids, as lists of fields and values. With a prefix, those whose
-- email begins with it: up to MAX_SORTED of them are sorted, more are found by scanning the order of ids. The reply is
-- where to go on, empty at the end of the order, and the users that were found before.
-- KEYS: users users_by_email
-- ARGV: bound descending wanted prefix user_prefix
-- Uses: index_page
local MAX_SORTED, SCAN_STEP, MAX_STEPS = 2000, 200, 10
local down = descending == '1'
local count = tonumber(wanted)

local function is_within(id)
  local edge = string.sub(bound, 2)
  if edge == '' or string.sub(bound, 1, 1) ~= '(' then
    return true
  end
  return (down and id < edge) or (not down and id > edge)
end

local function sort_matches(low, high)
  local found = {}
  -- Bound: MAX_SORTED.
  for _, member in ipairs(redis.call('ZRANGE', users_by_email, low, high, 'BYLEX')) do
    local id = string.match(member, '%z(.*)$')
    if is_within(id) then
      found[#found + 1] = id
    end
  end
  table.sort(found, function(a, b) return (down and a > b) or (not down and a < b) end)
  return found, ''
end

local function scan_order()
  local found, from = {}, bound
  -- Bound: MAX_STEPS.
  for _ = 1, MAX_STEPS do
    local ids = index_page(users, from, SCAN_STEP)
    -- Bound: SCAN_STEP.
    for _, id in ipairs(ids) do
      local key = redis.call('HGET', user_prefix .. id, 'email_key')
      if key and string.sub(key, 1, #prefix) == prefix then
        found[#found + 1] = id
      end
    end
    if #ids < SCAN_STEP or #found >= count then
      return found, ''
    end
    from = '(' .. ids[#ids]
  end
  return found, from
end

local ids, next_bound
if prefix == '' then
  ids, next_bound = index_page(users), ''
else
  local low, high = '[' .. prefix, '(' .. prefix .. '\255'
  local is_few = redis.call('ZLEXCOUNT', users_by_email, low, high) <= MAX_SORTED
  if is_few then
    ids, next_bound = sort_matches(low, high)
  else
    ids, next_bound = scan_order()
  end
end
local page = {}
-- Bound: `wanted`, one more than the largest page: 101.
for place = 1, math.min(count, #ids) do
  page[place] = redis.call('HGETALL', user_prefix .. ids[place])
end
return {next_bound, page}
