-- purchase_units: units of a purchase by product, and lines that ask for some of them.
-- Gives: units_sold units_of_lines exceeding named_lines
local function units_sold(fields)
  local units = {}
  -- Bound: the lines of a purchase, at most 100.
  for _, item in ipairs(cjson.decode(fields.items)) do
    units[item[1]] = item[5]
  end
  return units
end

-- Adds lines {product, units} to `units`, and returns it.
local function units_of_lines(lines, units)
  -- Bound: the lines of a purchase, at most 100.
  for _, line in ipairs(lines) do
    units[line[1]] = (units[line[1]] or 0) + line[2]
  end
  return units
end

-- Returns the lines that ask for more than is left, each with that: {product, units, left}.
local function exceeding(lines, left)
  local rows = {}
  -- Bound: the lines of a purchase, at most 100.
  for _, line in ipairs(lines) do
    local units = left[line[1]] or 0
    if line[2] > units then
      rows[#rows + 1] = {line[1], line[2], units}
    end
  end
  return rows
end

-- Returns lines as events have them.
local function named_lines(lines)
  local named = {}
  -- Bound: the lines of a purchase, at most 100.
  for place, line in ipairs(lines) do
    named[place] = {product = line[1], quantity = line[2]}
  end
  return named
end
