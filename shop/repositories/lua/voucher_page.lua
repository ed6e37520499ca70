-- voucher_page: a page of the vouchers in the order of their codes, as lists of fields and values.
-- KEYS: vouchers
-- ARGV: bound descending wanted voucher_prefix
-- Uses: index_page
local page = {}
-- Bound: `wanted`, one more than the largest page: 101.
for place, code in ipairs(index_page(vouchers)) do
  page[place] = redis.call('HGETALL', voucher_prefix .. code)
end
return page
