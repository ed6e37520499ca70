-- product_records: what a page shows of its products, one text for each: the values of the fields, and the member of the
-- order, which has a separator in the middle. One text of many values costs less than the values, here and where it is
-- read. One command reads all ids. records/fields.py has the same separator and mark, and stores no text with either.
-- Needs: product_ids product_prefix fields
-- Gives: product_records
local SEPARATOR, ABSENT = '\0', '\1'

local function joined(values, count, member)
  -- Bound: the fields of a product.
  for i = 1, count do
    values[i] = values[i] or ABSENT
  end
  values[count + 1] = member
  return table.concat(values, SEPARATOR)
end

local function product_records(members, limit)
  local numbers, page, names = {}, {}, cjson.decode(fields)
  -- Bound: `limit`, one more than the largest page: 101.
  for i = 1, math.min(limit, #members) do
    numbers[i] = string.sub(members[i], -10)
  end
  local ids = #numbers > 0 and redis.call('HMGET', product_ids, unpack(numbers)) or {}
  -- Bound: `limit`.
  for i = 1, #ids do
    page[i] = joined(redis.call('HMGET', product_prefix .. ids[i], unpack(names)), #names, members[i])
  end
  return page
end
