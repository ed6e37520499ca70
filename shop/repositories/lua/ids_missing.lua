-- ids_missing: which of these ids have nothing under the prefix.
-- ARGV: ids prefix
local missing = {}
-- Bound: the ids given, at most 1,000: MAX_IDS of existence.py.
for _, id in ipairs(cjson.decode(ids)) do
  if redis.call('EXISTS', prefix .. id) == 0 then
    missing[#missing + 1] = id
  end
end
return missing
