-- product_by_sku: the fields and values of the product of this SKU; nothing where there is none.
-- KEYS: skus
-- ARGV: sku product_prefix
local id = redis.call('HGET', skus, sku)
return id and redis.call('HGETALL', product_prefix .. id) or {}
