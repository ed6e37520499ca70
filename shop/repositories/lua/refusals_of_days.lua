-- refusals_of_days: the refusals of each of these days, as fields and values.
-- ARGV: prefix days
local found = {}
-- Bound: the days given, at most 31: MAX_DAYS of figures.py.
for place, day in ipairs(cjson.decode(days)) do
  found[place] = redis.call('HGETALL', prefix .. day)
end
return found
