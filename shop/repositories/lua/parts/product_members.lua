-- product_members: from products, which are offsets here, to members of the order, by which a page is found.
local MOST_ARGUMENTS = 5000

-- The first of these offsets, as members of the order.
local function gathered(offsets)
  local found, page = {}, {}
  for start = 1, #offsets, MOST_ARGUMENTS do
    local numbers = {}
    for place = start, math.min(start + MOST_ARGUMENTS - 1, #offsets) do
      numbers[#numbers + 1] = FIRST + offsets[place]
    end
    for _, member in ipairs(redis.call('HMGET', sort_keys, unpack(numbers))) do
      if member > low and member < top then
        found[#found + 1] = member
      end
    end
  end
  table.sort(found)
  for place = 1, math.min(count, #found) do
    page[place] = found[down and #found + 1 - place or place]
  end
  return page
end
