-- precondition: the check of If-Match (RFC 9110): the version that the client has seen is the present one.
-- Needs: if_match refuse
-- Gives: failed_precondition
-- Replies:
--   PRECONDITION_FAILED version
local function failed_precondition(version)
  return if_match ~= '' and if_match ~= version and refuse('PRECONDITION_FAILED', version)
end
