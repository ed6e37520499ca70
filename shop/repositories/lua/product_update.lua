-- product_update: puts the next version in the place of the version that it was made from, and moves it in the indexes.
-- KEYS: product categories companies
-- ARGV: base if_match fields joins leaves marks unmarks left orders category_prefix company_prefix category company
-- Uses: precondition version_check index_sets product_orders
-- Replies:
--   UPDATED product...         the product's fields and values
--   PRECONDITION_FAILED version
--   CHANGED, not recorded      another version came between; make it anew
--   NOT_FOUND, not recorded
local present = redis.call('HMGET', product, 'version', 'withdrawn', 'number', 'category', 'company')
local version, withdrawn, number, old_category, old_company = unpack(present)
if not version or withdrawn then
  return reply('NOT_FOUND')
end
local refusal = failed_precondition(version) or changed_meanwhile(version)
if refusal then
  return refusal
end
redis.call('HSET', product, unpack(cjson.decode(fields)))
for _, set in ipairs(cjson.decode(leaves)) do
  leave(set, number)
end
for _, set in ipairs(cjson.decode(joins)) do
  join(set, number)
end
put_bits(marks, number, 1)
put_bits(unmarks, number, 0)
displace(number, left)
place(number, orders)

local function rename(names, prefix, old, new)
  if old ~= '' and redis.call('EXISTS', prefix .. old) == 0 then
    redis.call('ZREM', names, old)
  end
  if new ~= '' then
    redis.call('ZADD', names, 0, new)
  end
end
rename(categories, category_prefix, old_category, category)
rename(companies, company_prefix, old_company, company)
return answer('UPDATED', unpack(redis.call('HGETALL', product)))
