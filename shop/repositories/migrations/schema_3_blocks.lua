-- Nothing reads them any more. A block is thirty days, so they are few.
local changes = redis.call('DEL', tag .. column)
for _, block in ipairs(redis.call('ZRANGE', tag .. blocks, 0, -1)) do
  changes = changes + redis.call('DEL', tag .. blocks .. ':' .. block)
end
return done_until('0', changes + redis.call('DEL', tag .. blocks))
