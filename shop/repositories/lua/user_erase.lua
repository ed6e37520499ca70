-- user_erase: a further step of an erasure. The next recorded outcomes and purchases forget the erased user. It may run
-- any number of times, for a user whose erasure is complete too.
-- KEYS: erasures user_purchases erasing_purchases transfers_stored transfers_due
-- ARGV: id max_outcomes max_purchases statuses user_prefix purchase_prefix return_prefix transfer_prefix
-- Uses: outcome_erasure user_erasure purchase_fields purchase_detachment transfer_erasure
-- Replies:
--   CONTINUED count            so many records were erased, and there are more
--   COMPLETE count
if not redis.call('ZSCORE', erasures, id) or not is_erased(id) then
  return answer('COMPLETE', '0')
end
local count = erase_outcomes(id, max_outcomes)
local ids = redis.call('ZRANGE', erasing_purchases, 0, max_purchases - 1)
-- Bound: max_purchases, at most 50.
for _, purchase_id in ipairs(ids) do
  detach(purchase_prefix .. purchase_id, id)
  redis.call('ZREM', erasing_purchases, purchase_id)
end
count = string.format('%.0f', count + #ids)
if has_outcomes_to_erase(id) or redis.call('EXISTS', erasing_purchases) == 1 then
  return answer('CONTINUED', count)
end
-- Processes of an earlier version may have added to the user's lists since.
if begin_erasure() then
  return answer('CONTINUED', count)
end
redis.call('ZREM', erasures, id)
-- An export that was begun meanwhile may have what was erased since.
drop_personal_exports()
return answer('COMPLETE', count)
