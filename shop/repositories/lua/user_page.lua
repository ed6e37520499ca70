-- user_page: up to `wanted` users from `bound` on (ascending) or down (descending) in the order of their ids, as lists
-- of fields and values. With a prefix, those whose address begins so: few are gathered and sorted, many are met on
-- the way.
-- KEYS: users users_by_email
-- ARGV: bound descending wanted prefix user_prefix
local FEW, STEP = 2000, 200
local down = descending == '1'
local count = tonumber(wanted)

local function walk(from, most)
  if down then
    return redis.call('ZRANGE', users, from, '-', 'BYLEX', 'REV', 'LIMIT', 0, most)
  end
  return redis.call('ZRANGE', users, from, '+', 'BYLEX', 'LIMIT', 0, most)
end

local function is_within(id)
  local edge = string.sub(bound, 2)
  if edge == '' or string.sub(bound, 1, 1) ~= '(' then
    return true
  end
  return (down and id < edge) or (not down and id > edge)
end

local function gather(low, high)
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

local function meet()
  local found, from = {}, bound
  repeat
    local ids = walk(from, STEP)
    for _, id in ipairs(ids) do
      local key = redis.call('HGET', user_prefix .. id, 'email_key')
      if key and string.sub(key, 1, #prefix) == prefix then
        found[#found + 1] = id
      end
    end
    from = '(' .. (ids[#ids] or '')
  until #ids < STEP or #found >= count
  return found
end

local ids
if prefix == '' then
  ids = walk(bound, count)
else
  local low, high = '[' .. prefix, '(' .. prefix .. '\255'
  ids = redis.call('ZLEXCOUNT', users_by_email, low, high) <= FEW and gather(low, high) or meet()
end
local page = {}
for place = 1, math.min(count, #ids) do
  page[place] = redis.call('HGETALL', user_prefix .. ids[place])
end
return page
