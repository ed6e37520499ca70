-- voucher_update: replaces a version of a voucher by the one that was made from it. What has been redeemed stays.
-- KEYS: voucher
-- ARGV: code base if_match fields
-- Uses: precondition version_check
-- Replies:
--   UPDATED voucher...         the voucher's fields and values
--   PRECONDITION_FAILED version
--   CHANGED, not recorded      another version came between; make it anew
--   NOT_FOUND, not recorded
local version = redis.call('HGET', voucher, 'version')
if not version then
  return reply('NOT_FOUND')
end
local refusal = failed_precondition(version) or changed_meanwhile(version)
if refusal then
  return refusal
end
redis.call('HSET', voucher, unpack(cjson.decode(fields)))
local is_paused = redis.call('HGET', voucher, 'is_paused') == '1'
emit('voucher.updated', code, {version = version + 1, is_paused = is_paused})
return answer('UPDATED', unpack(redis.call('HGETALL', voucher)))
