-- delivery_page: a page of the deliveries to an endpoint in the order of their events, as lists of fields and values. A
-- record that has expired is an empty list behind its event.
-- KEYS: list
-- ARGV: bound descending wanted endpoint delivery_prefix
-- Uses: index_page
local page = {}
-- Bound: `wanted`, one more than the largest page.
for place, event in ipairs(index_page(list)) do
  page[place] = {event, redis.call('HGETALL', delivery_prefix .. endpoint .. ':' .. event)}
end
return page
