-- voucher_delete: deletes a voucher, and who redeemed it how often. Purchases that it was redeemed in give it back to
-- no other voucher of its code: they name it by its id, too.
-- KEYS: voucher vouchers voucher_customers
-- ARGV: code if_match
-- Uses: precondition
-- Replies:
--   DELETED
--   PRECONDITION_FAILED version
--   NOT_FOUND, not recorded
local version = redis.call('HGET', voucher, 'version')
if not version then
  return reply('NOT_FOUND')
end
local refusal = failed_precondition(version)
if refusal then
  return refusal
end
redis.call('UNLINK', voucher, voucher_customers)
redis.call('ZREM', vouchers, code)
emit('voucher.deleted', code, {version = tonumber(version)})
return answer('DELETED')
