-- purchase_lines: the lines of a purchase by the ids of their products. A SKU is resolved in the script that buys: it
-- cannot come to mean another product in between.
-- Needs: skus
-- Gives: lines_by_id

-- Returns the lines with ids of products in place of SKUs, and the lines of one product summed: {product, quantity,
-- place in the request, whether it differs from the request's}. The id of an unknown SKU is empty.
local function lines_by_id(given)
  local resolved, line_of = {}, {}
  -- Bound: the lines of a purchase, at most 100.
  for place, line in ipairs(given) do
    local product = line[3] and (redis.call('HGET', skus, line[1]) or '') or line[1]
    local former = product ~= '' and line_of[product]
    if former then
      former[2], former[4] = former[2] + line[2], true
    else
      line_of[product] = {product, line[2], place, line[3] or false}
      resolved[#resolved + 1] = line_of[product]
    end
  end
  return resolved
end
