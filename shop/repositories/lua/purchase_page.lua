-- purchase_page: a page of the purchases of an index, as lists of fields and values, and whether it was cut: it ends
-- before the first purchase that comes after MAX_PAGE_LINES lines, because a page costs as much as its lines.
-- KEYS: index
-- ARGV: bound descending wanted purchase_prefix user_prefix
-- Uses: index_page purchase_fields
local MAX_PAGE_LINES = 2000

local function count_lines(fields)
  -- Bound: the fields of a purchase, at most 11.
  for place = 1, #fields, 2 do
    if fields[place] == 'items' then
      return #cjson.decode(fields[place + 1])
    end
  end
  return 0
end

local page, lines = {}, 0
-- Bound: `wanted`, one more than the largest page: 101.
for place, id in ipairs(index_page(index)) do
  if lines >= MAX_PAGE_LINES then
    return {1, page}
  end
  page[place] = purchase_fields(purchase_prefix .. id)
  lines = lines + count_lines(page[place])
end
return {0, page}
