-- product_update: replaces a version of a product by the one that was made from it, and updates its index entries.
-- KEYS: product categories companies
-- ARGV: base if_match fields sets_joined sets_left bitmaps_added bitmaps_removed old_entries entries category_prefix company_prefix category company
-- Uses: precondition version_check index_sets product_zones product_index_entries
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
-- Bound: the sets of a product, see product_create.
for _, set in ipairs(cjson.decode(sets_left)) do
  remove_from_set(set, number)
end
-- Bound: the sets of a product.
for _, set in ipairs(cjson.decode(sets_joined)) do
  add_to_set(set, number)
end
set_bits(cjson.decode(bitmaps_added), number, 1)
set_bits(cjson.decode(bitmaps_removed), number, 0)
remove_index_entries(number, cjson.decode(old_entries))
add_index_entries(number, cjson.decode(entries))

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
emit('product.updated', id_of(product), {version = version + 1})
return answer('UPDATED', unpack(redis.call('HGETALL', product)))
