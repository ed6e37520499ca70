-- secret_add: adds slots of the idempotency secret. A slot that is there already stays. Where there would be more than
-- max_slots, the present ones go first.
-- KEYS: secret_slots
-- ARGV: slots max_slots
-- Replies:
--   ADDED slot...              every slot and what it holds
local added = cjson.decode(slots)
if redis.call('HLEN', secret_slots) + #added / 2 > tonumber(max_slots) then
  redis.call('DEL', secret_slots)
end
-- Bound: the secret keys of one instance, at most 5.
for place = 1, #added, 2 do
  redis.call('HSETNX', secret_slots, added[place], added[place + 1])
end
return answer('ADDED', unpack(redis.call('HGETALL', secret_slots)))
