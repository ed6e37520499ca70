-- index_sets: the posting lists of the catalogue, sets of product numbers. Numbers follow NUMBER_BASE, so all have ten
-- digits and sort as text. A set that grows beyond BITMAP_THRESHOLD products gets a bitmap beside it, until it is empty:
-- a script intersects many bitmaps in the time in which the server intersects two large sets. A script makes at most
-- MAX_NEW_BITMAPS of them, because hundreds of sets can grow beyond the threshold at once: the others get theirs with
-- the next products.
-- Gives: BITMAP_THRESHOLD BITMAP_SUFFIX NUMBER_BASE set_bits add_to_set remove_from_set move
local BITMAP_THRESHOLD = 1000
local MAX_NEW_BITMAPS = 2
local NUMBER_BASE = 1000000000
-- The same as BITMAP_SUFFIX of keys.py.
local BITMAP_SUFFIX = '\1bits'

local new_bitmaps = 0

local function set_bits(bitmaps, number, bit)
  -- Bound: the bitmaps of a product's price, at most 51.
  for _, bitmap in ipairs(bitmaps) do
    redis.call('SETBIT', bitmap, number - NUMBER_BASE, bit)
  end
end

local function update_bitmap(set, number, bit)
  local bitmap, size = set .. BITMAP_SUFFIX, redis.call('SCARD', set)
  if size == 0 then
    redis.call('DEL', bitmap)
  elseif redis.call('EXISTS', bitmap) == 1 then
    redis.call('SETBIT', bitmap, number - NUMBER_BASE, bit)
  elseif size > BITMAP_THRESHOLD and new_bitmaps < MAX_NEW_BITMAPS then
    new_bitmaps = new_bitmaps + 1
    -- Bound: BITMAP_THRESHOLD, and the products since then: a set waits as long as the products bring MAX_NEW_BITMAPS
    -- others. A product is in 667 sets at most, so fewer than one of them passes the threshold a product on average.
    for _, member in ipairs(redis.call('SMEMBERS', set)) do
      redis.call('SETBIT', bitmap, member - NUMBER_BASE, 1)
    end
  end
end

local function add_to_set(set, number)
  redis.call('SADD', set, number)
  update_bitmap(set, number, 1)
end

local function remove_from_set(set, number)
  redis.call('SREM', set, number)
  update_bitmap(set, number, 0)
end

local function move(from, to, number)
  if redis.call('SMOVE', from, to, number) == 1 then
    update_bitmap(from, number, 0)
    update_bitmap(to, number, 1)
  end
end
