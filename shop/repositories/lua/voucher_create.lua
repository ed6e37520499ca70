-- voucher_create: stores a voucher, under a code that no other voucher has.
-- KEYS: voucher vouchers
-- ARGV: code fields
-- Replies:
--   CREATED voucher...         the voucher's fields and values
--   CODE_TAKEN
if redis.call('EXISTS', voucher) == 1 then
  return refuse('CODE_TAKEN')
end
redis.call('HSET', voucher, unpack(cjson.decode(fields)))
redis.call('ZADD', vouchers, 0, code)
emit('voucher.created', code, {version = 1})
return answer('CREATED', unpack(redis.call('HGETALL', voucher)))
