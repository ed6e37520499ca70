-- return_get: the buyer of a return's purchase, '' once erased, and the return's fields and values; nothing where there is
-- none.
-- KEYS: record
-- ARGV: id purchase_prefix user_prefix return_prefix
-- Uses: purchase_fields return_fields
if redis.call('EXISTS', record) == 0 then
  return {'', {}}
end
local record_fields, buyer = return_fields(id)
return {buyer, record_fields}
