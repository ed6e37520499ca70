-- product_unread_sets: the sets of a query whose bitmaps are too large to be read together. Their members are asked for
-- one by one.
-- Gives: MAX_HMGET_FIELDS unread_sets in_unread_sets
local MAX_HMGET_FIELDS = 5000
local unread_sets = {}

-- Returns those of the members that are in all these sets.
local function in_unread_sets(members)
  -- Bound: the sets of a query, at most 104: 100 words and four others.
  for _, set in ipairs(unread_sets) do
    local left = {}
    -- Bound: the members given, MAX_HMGET_FIELDS at a time.
    for start = 1, #members, MAX_HMGET_FIELDS do
      local numbers = {}
      -- Bound: MAX_HMGET_FIELDS.
      for i = start, math.min(start + MAX_HMGET_FIELDS - 1, #members) do
        numbers[#numbers + 1] = string.sub(members[i], -10)
      end
      -- Bound: MAX_HMGET_FIELDS.
      for i, is_member in ipairs(redis.call('SMISMEMBER', set, unpack(numbers))) do
        left[#left + 1] = is_member == 1 and members[start + i - 1] or nil
      end
    end
    members = left
  end
  return members
end
