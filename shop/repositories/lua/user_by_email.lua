-- user_by_email: the fields and values of the user of this address; nothing where there is none.
-- KEYS: emails
-- ARGV: email_key user_prefix
local id = redis.call('HGET', emails, email_key)
return id and redis.call('HGETALL', user_prefix .. id) or {}
