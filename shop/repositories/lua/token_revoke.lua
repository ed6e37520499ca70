-- token_revoke: revokes the token of this digest, or all tokens of its user where it is empty.
-- KEYS: tokens
-- ARGV: digest role token_prefix revoked_for
-- Uses: token_revocation
-- Replies:
--   REVOKED
if digest == '' then
  revoke_tokens_except('', role)
else
  revoke_token(digest, role)
end
return answer('REVOKED')
