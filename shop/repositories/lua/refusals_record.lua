-- refusals_record: adds refusals to those of a day, by fields.
-- KEYS: refused
-- ARGV: counts expires_at
-- Replies:
--   RECORDED
-- Bound: the reasons of refusals, at most 6.
for _, pair in ipairs(cjson.decode(counts)) do
  redis.call('HINCRBY', refused, pair[1], pair[2])
end
redis.call('EXPIREAT', refused, expires_at)
return answer('RECORDED')
