-- user_page: a page of the users in the order of their ids, as lists of fields and values. With a prefix, those whose
-- email begins with it: up to MAX_SORTED of them are sorted, more are met by scanning the order of ids.
-- KEYS: users users_by_email
-- ARGV: bound descending wanted prefix user_prefix
-- Uses: index_page
local MAX_SORTED, SCAN_STEP = 2000, 200
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
  for _, member in ipairs(redis.call('ZRANGE', users_by_email, low, high, 'BYLEX')) do
    local id = string.match(member, '%z(.*)$')
    if is_within(id) then
      found[#found + 1] = id
    end
  end
  table.sort(found, function(a, b) return (down and a > b) or (not down and a < b) end)
  return found
end

local function scan_order()
  local found, from = {}, bound
  repeat
    local ids = index_page(users, from, SCAN_STEP)
    for _, id in ipairs(ids) do
      local key = redis.call('HGET', user_prefix .. id, 'email_key')
      if key and string.sub(key, 1, #prefix) == prefix then
        found[#found + 1] = id
      end
    end
    from = '(' .. (ids[#ids] or '')
  until #ids < SCAN_STEP or #found >= count
  return found
end

local ids
if prefix == '' then
  ids = index_page(users)
else
  local low, high = '[' .. prefix, '(' .. prefix .. '\255'
  local is_few = redis.call('ZLEXCOUNT', users_by_email, low, high) <= MAX_SORTED
  ids = is_few and sort_matches(low, high) or scan_order()
end
local page = {}
for place = 1, math.min(count, #ids) do
  page[place] = redis.call('HGETALL', user_prefix .. ids[place])
end
return page
