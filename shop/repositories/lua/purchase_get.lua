-- purchase_get: the fields and values of a purchase; nothing where there is none.
-- KEYS: purchase
-- ARGV: user_prefix
-- Uses: purchase_fields
return purchase_fields(purchase)
