-- token_revocation: revokes tokens. A revoked token remembers for a while which request revoked it, and lets that one
-- through, so that its repeat finds its outcome. A token that is not among its user's counts for nothing.
-- Needs: tokens token_prefix revoked_for request_id
-- Gives: revoke_token revoke_tokens_except
local MAX_REVOKED = 100

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
  local expires_at = current ~= '' and redis.call('ZSCORE', tokens, current)
  -- Bound: MAX_REVOKED, the newest. A user has at most 20, of an earlier version maybe more.
  for _, digest in ipairs(redis.call('ZRANGE', tokens, 0, MAX_REVOKED - 1, 'REV')) do
    if digest ~= current then
      revoke_token(digest, role)
    end
  end
  if redis.call('ZCARD', tokens) > (expires_at and 1 or 0) then
    redis.call('UNLINK', tokens)
    if expires_at then
      redis.call('ZADD', tokens, expires_at, current)
      redis.call('PEXPIREAT', tokens, expires_at)
    end
  end
end
