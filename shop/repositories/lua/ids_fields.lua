-- ids_fields: a field of the records under the prefix that have these ids; empty where there is none.
-- ARGV: ids prefix field
local values = {}
-- Bound: the ids given, at most 1,000: MAX_IDS of existence.py.
for place, id in ipairs(cjson.decode(ids)) do
  values[place] = redis.call('HGET', prefix .. id, field) or ''
end
return values
