-- product_movements: some of the movements of a product's stock, from `first` in the direction of `verb`; and what is
-- known of the product, in the same instant.
-- KEYS: product movements
-- ARGV: verb first last wanted
-- Bound: the movements of a page, and one.
local fields = redis.call('HMGET', product, 'stock', 'created_at', 'ledger', 'carried')
return {fields, redis.call(verb, movements, first, last, 'COUNT', wanted)}
