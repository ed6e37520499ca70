-- purchase_shipments: the units of a purchase that were sent, and those that were not.
-- Needs: units_sold units_of_lines
-- Gives: units_shipped lines_left

-- Takes what `purchase_state` returned, and the stage. What is shipped as a whole need not list its shipments: purchases
-- from before there were any do not.
local function units_shipped(fields, stage)
  if stage == 'shipped' or stage == 'delivered' then
    return units_sold(fields)
  end
  local units = {}
  -- Bound: the shipments of a purchase, at most 20.
  for _, shipment in ipairs(cjson.decode(fields.shipments or '[]')) do
    units_of_lines(shipment[4], units)
  end
  return units
end

-- Returns the units of each product beyond these, as lines in the order of the purchase's, and by product.
local function lines_left(fields, shipped)
  local lines, left = {}, {}
  -- Bound: the lines of a purchase, at most 100.
  for _, item in ipairs(cjson.decode(fields.items)) do
    local units = item[5] - (shipped[item[1]] or 0)
    if units > 0 then
      lines[#lines + 1], left[item[1]] = {item[1], units}, units
    end
  end
  return lines, left
end
