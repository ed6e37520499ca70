-- Goes through the products of the catalogue once, some hundred in a batch. A product that is there already is one that
-- a batch before a failover has added, or a page of HSCAN has had twice.
local PRODUCTS_AT_ONCE = 300
local changes = 0

local function add(format, name, order, member)
  if name ~= '' then
    changes = changes + redis.call('ZADD', tag .. string.format(format, name, order), 0, member)
  end
end

local page = redis.call('HSCAN', tag .. ids, cursor, 'COUNT', PRODUCTS_AT_ONCE)
for place = 1, #page[2], 2 do
  local number, id = page[2][place], page[2][place + 1]
  local names = redis.call('HMGET', tag .. product_prefix .. id, 'category', 'company')
  for order in string.gmatch(orders, '%S+') do
    local member = redis.call('HGET', tag .. string.format(sort_keys_format, order), number)
    add(category_format, names[1], order, member)
    add(company_format, names[2], order, member)
  end
end
return done_until(page[1], changes)
