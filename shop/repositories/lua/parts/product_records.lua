-- product_records: what a page shows of its products: pairs of member of the order and the values of the fields. One
-- command reads all ids.
-- Needs: product_ids product_prefix fields
-- Gives: product_records
local function product_records(members, limit)
  local numbers, page, names = {}, {}, cjson.decode(fields)
  -- Bound: `limit`, one more than the largest page: 101.
  for i = 1, math.min(limit, #members) do
    numbers[i] = string.sub(members[i], -10)
  end
  local ids = #numbers > 0 and redis.call('HMGET', product_ids, unpack(numbers)) or {}
  -- Bound: `limit`.
  for i = 1, #ids do
    page[i] = {members[i], redis.call('HMGET', product_prefix .. ids[i], unpack(names))}
  end
  return page
end
