-- return_fields: a return as it may be shown: without its reason once the buyer is erased, though the steps of the
-- erasure have not come to it.
-- Needs: purchase_prefix return_prefix is_erased
-- Gives: return_fields

-- Returns the return's fields and values, nothing where there is none; and the buyer, '' once erased.
local function return_fields(id)
  local fields = redis.call('HGETALL', return_prefix .. id)
  local purchase_id = redis.call('HGET', return_prefix .. id, 'purchase')
  local buyer = purchase_id and redis.call('HGET', purchase_prefix .. purchase_id, 'user') or ''
  if not is_erased(buyer) then
    return fields, buyer
  end
  -- Bound: the fields of a return, 11.
  for place = 1, #fields, 2 do
    if fields[place] == 'reason' then
      fields[place + 1] = ''
    end
  end
  return fields, ''
end
