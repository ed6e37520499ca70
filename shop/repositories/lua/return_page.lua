-- return_page: a page of the returns of an index, as lists of fields and values; nil where it is of a purchase that is
-- not there, or is another owner's.
-- KEYS: index
-- ARGV: bound descending wanted purchase_id owner purchase_prefix user_prefix return_prefix
-- Uses: index_page purchase_fields return_fields
if purchase_id ~= '' then
  local buyer = redis.call('HGET', purchase_prefix .. purchase_id, 'user')
  if not buyer or (owner ~= '' and owner ~= buyer) then
    return false
  end
end
local page = {}
-- Bound: `wanted`, one more than the largest page: 101.
for place, id in ipairs(index_page(index)) do
  page[place] = return_fields(id)
end
return page
