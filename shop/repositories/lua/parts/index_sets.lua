-- index_sets: the sets of product numbers that filters are made of. Numbers begin at FIRST, so that all have ten digits
-- and sort as text. A set of more than FEW also is a string of bits, one for every number there is, beside it under
-- <set>\1bits, which no name can end in: a script puts many such strings together in the time in which the server
-- intersects two large sets.
local FEW, FIRST = 1000, 1000000000

-- Some filters are such strings alone.
local function put_bits(strings, number, bit)
  for _, bits in ipairs(cjson.decode(strings)) do
    redis.call('SETBIT', bits, number - FIRST, bit)
  end
end

local function mark(set, number, bit)
  local bits, size = set .. '\1bits', redis.call('SCARD', set)
  if size == 0 then
    redis.call('DEL', bits)
  elseif redis.call('EXISTS', bits) == 1 then
    redis.call('SETBIT', bits, number - FIRST, bit)
  elseif size > FEW then
    for _, member in ipairs(redis.call('SMEMBERS', set)) do
      redis.call('SETBIT', bits, member - FIRST, 1)
    end
  end
end

local function join(set, number)
  redis.call('SADD', set, number)
  mark(set, number, 1)
end

local function leave(set, number)
  redis.call('SREM', set, number)
  mark(set, number, 0)
end

local function move(from, to, number)
  if redis.call('SMOVE', from, to, number) == 1 then
    mark(from, number, 0)
    mark(to, number, 1)
  end
end
