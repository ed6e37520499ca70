-- One column and one set of block names for each order: few keys, and a rename costs the same whatever their size.
local changes = 0
local function rename(from, to)
  if redis.call('EXISTS', from) == 1 and redis.call('RENAMENX', from, to) == 1 then
    changes = changes + 1
  end
end
for order in string.gmatch(orders, '%S+') do
  local key = tag .. prefix .. order
  rename(key .. former_column, key .. column)
  rename(key .. former_blocks, key .. blocks)
end
return done_until('0', changes)
