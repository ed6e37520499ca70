-- product_batch_sets: adds products that are created in one script to the sets and bitmaps that they share. Their numbers
-- are given by place; false stands at the place of a product that was not created.
-- Needs: BITMAP_THRESHOLD BITMAP_SUFFIX NUMBER_BASE
-- Gives: numbers_at set_close_bits add_all_to_set
local MAX_NEW_BITMAPS_OF_MANY = 8
local new_bitmaps_of_many = 0

-- Returns the numbers of those of the places whose products were created, in ascending order.
local function numbers_at(numbers, places)
  local found = {}
  -- Bound: the products of a call, at most 50.
  for _, place in ipairs(places) do
    found[#found + 1] = numbers[place] or nil
  end
  return found
end

-- Sets the bits of numbers of one call, which are close to each other: a few bytes.
local function set_close_bits(bitmap, found)
  local low = math.floor((found[1] - NUMBER_BASE) / 8)
  local high = math.floor((found[#found] - NUMBER_BASE) / 8)
  local bytes = {string.byte(redis.call('GETRANGE', bitmap, low, high), 1, -1)}
  -- Bound: the bytes of 50 numbers in a row, at most 8.
  for place = #bytes + 1, high - low + 1 do
    bytes[place] = 0
  end
  -- Bound: the products of a call.
  for _, number in ipairs(found) do
    local offset = number - NUMBER_BASE
    local place = math.floor(offset / 8) - low + 1
    bytes[place] = bit.bor(bytes[place], bit.lshift(1, 7 - offset % 8))
  end
  redis.call('SETRANGE', bitmap, low, string.char(unpack(bytes)))
end

-- As add_to_set. A set that waits for its bitmap gets it with the next products.
local function add_all_to_set(set, found)
  if #found == 0 then
    return
  end
  redis.call('SADD', set, unpack(found))
  local bitmap = set .. BITMAP_SUFFIX
  if redis.call('EXISTS', bitmap) == 1 then
    set_close_bits(bitmap, found)
  elseif new_bitmaps_of_many < MAX_NEW_BITMAPS_OF_MANY and redis.call('SCARD', set) > BITMAP_THRESHOLD then
    new_bitmaps_of_many = new_bitmaps_of_many + 1
    -- Bound: BITMAP_THRESHOLD, and the products since the set passed it, as in index_sets.
    for _, member in ipairs(redis.call('SMEMBERS', set)) do
      redis.call('SETBIT', bitmap, member - NUMBER_BASE, 1)
    end
  end
end
