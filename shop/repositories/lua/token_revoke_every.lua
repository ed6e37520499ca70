-- token_revoke_every: revokes the tokens of every user that were made before this instant.
-- KEYS: tokens_not_before
-- ARGV: at
-- Replies:
--   REVOKED
redis.call('SET', tokens_not_before, at)
return answer('REVOKED')
