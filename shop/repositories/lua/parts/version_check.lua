-- version_check: the check of an optimistic write: the version that it was made from is the present one.
-- Needs: base reply
-- Gives: changed_meanwhile
-- Replies:
--   CHANGED, not recorded      another version came between; make it anew
local function changed_meanwhile(version)
  return version ~= base and reply('CHANGED')
end
