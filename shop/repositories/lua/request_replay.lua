-- request_replay: the recorded outcome of a request, where the caller knows that there is one.
-- Replies:
--   FORGOTTEN, not recorded    the record has expired since
return reply('FORGOTTEN')
