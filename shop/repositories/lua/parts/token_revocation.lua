-- token_revocation: revokes tokens. A revoked token remembers for a while which request revoked it, and lets that one
-- through, so that its repeat finds its outcome.
-- Needs: tokens token_prefix revoked_for request_id
-- Gives: revoke_token revoke_tokens_except
local function revoke_token(digest, role)
  local token = token_prefix .. digest
  if redis.call('EXISTS', token) == 1 and redis.call('HSETNX', token, 'revoked_by', request_id) == 1 then
    redis.call('HSET', token, 'role', role)
    redis.call('EXPIRE', token, revoked_for)
  end
  redis.call('ZREM', tokens, digest)
end

-- Every token of the user but this one; all of them where it is empty.
local function revoke_tokens_except(current, role)
  for _, digest in ipairs(redis.call('ZRANGE', tokens, 0, -1)) do
    if digest ~= current then
      revoke_token(digest, role)
    end
  end
end
