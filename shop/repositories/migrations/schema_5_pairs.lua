-- Goes through the products of the catalogue once, some hundred in a batch. Adding a product again changes nothing.
local PRODUCTS_AT_ONCE = 300
local changes = 0

local page = redis.call('HSCAN', tag .. ids, cursor, 'COUNT', PRODUCTS_AT_ONCE)
for place = 1, #page[2], 2 do
  local number, id = page[2][place], page[2][place + 1]
  local company, category = unpack(redis.call('HMGET', tag .. product_prefix .. id, 'company', 'category'))
  if company ~= '' and category ~= '' then
    for order in string.gmatch(orders, '%S+') do
      local member = redis.call('HGET', tag .. string.format(sort_keys_format, order), number)
      changes = changes + redis.call('ZADD', tag .. string.format(index_format, company, category, order), 0, member)
    end
  end
end
return done_until(page[1], changes)
