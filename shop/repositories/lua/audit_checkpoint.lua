-- audit_checkpoint: appends a checkpoint behind the entry that it signs. With first_id, the entries before that one are
-- removed in the same command, and the checkpoint says so.
-- ARGV: head first_id
-- Replies:
--   APPENDED head              the number and the link of the checkpoint
--   CHANGED, not recorded      other entries came between; sign them
if (redis.call('GET', journal .. ':head') or '') ~= head then
  return reply('CHANGED')
end
return answer('APPENDED', append_to_journal(first_id))
