-- token_page: the live tokens of a user, the newest first: of each the digest, expiry, creation and last use.
-- KEYS: tokens tokens_not_before
-- ARGV: at wanted token_prefix
local page, first = {}, tonumber(redis.call('GET', tokens_not_before) or 0)
-- Bound: `wanted`.
for _, digest in ipairs(redis.call('ZRANGE', tokens, '+inf', '(' .. at, 'BYSCORE', 'REV', 'LIMIT', 0, wanted)) do
  local fields = redis.call('HMGET', token_prefix .. digest, 'user', 'created_at', 'last_used_at')
  if fields[1] and tonumber(fields[2] or 0) >= first then
    page[#page + 1] = {digest, redis.call('ZSCORE', tokens, digest), fields[2] or '', fields[3] or ''}
  end
end
return page
