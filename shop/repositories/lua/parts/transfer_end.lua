-- transfer_end: takes a transfer from what is due, with its data.
-- Needs: id transfer data due stored
-- Gives: drop_data
local function drop_data()
  redis.call('UNLINK', data)
  redis.call('HSET', transfer, 'stored_bytes', '0')
  redis.call('ZREM', stored, id)
  redis.call('ZREM', due, id)
end
