-- product_index_entries: a product's entry in the indexes of each order (IndexEntry of catalogue.py): the ordered
-- indexes and the hash of sort keys by number. The order of creation has zones. The others have a column of sort
-- prefixes, eight bytes for each product number, to compare many products without reading their sort keys; and blocks,
-- each with a bitmap.
-- Needs: NUMBER_BASE widen_zone
-- Gives: add_index_entries remove_index_entries
local function add_index_entries(number, entries)
  local offset = number - NUMBER_BASE
  -- Bound: the three orders.
  for _, entry in ipairs(entries) do
    local member = entry.sort_key .. '\0' .. number
    -- Bound: four, of the catalogue, the category, the company and both.
    for _, index in ipairs(entry.indexes) do
      redis.call('ZADD', index, 0, member)
    end
    redis.call('HSET', entry.sort_keys, number, member)
    if entry.zones ~= '' then
      widen_zone(entry.zones, offset, entry.sort_prefix)
    else
      redis.call('SETRANGE', entry.sort_prefixes, 8 * offset, struct.pack('>d', entry.sort_prefix))
      redis.call('ZADD', entry.blocks, 0, entry.block)
      redis.call('SETBIT', entry.block_bitmap, offset, 1)
    end
  end
end

local function remove_from_block(number, entry)
  redis.call('SETBIT', entry.block_bitmap, number - NUMBER_BASE, 0)
  if redis.call('BITCOUNT', entry.block_bitmap) == 0 then
    redis.call('DEL', entry.block_bitmap)
    redis.call('ZREM', entry.blocks, entry.block)
  end
end

-- The column stays as it is: nothing reads the sort prefix of a product that is in no bitmap. The zone stays as wide.
local function remove_index_entries(number, entries)
  -- Bound: the three orders.
  for _, entry in ipairs(entries) do
    -- Bound: four.
    for _, index in ipairs(entry.indexes) do
      redis.call('ZREM', index, entry.sort_key .. '\0' .. number)
    end
    redis.call('HDEL', entry.sort_keys, number)
    if entry.zones == '' then
      remove_from_block(number, entry)
    end
  end
end
