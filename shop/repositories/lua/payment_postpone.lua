-- payment_postpone: has a payment that could not be checked wait, so that it holds up none of the others.
-- KEYS: payments_open
-- ARGV: id check_at
-- Replies:
--   POSTPONED
redis.call('ZADD', payments_open, 'XX', 'GT', check_at, id)
return answer('POSTPONED')
