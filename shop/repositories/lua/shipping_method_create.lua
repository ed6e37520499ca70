-- shipping_method_create: stores a shipping method under a code of its own, unless the shop has as many as it may.
-- KEYS: shipping_method shipping_methods
-- ARGV: code fields max_methods
-- Replies:
--   CREATED method...          the method's fields and values
--   CODE_TAKEN
--   TOO_MANY
if redis.call('EXISTS', shipping_method) == 1 then
  return refuse('CODE_TAKEN')
end
if redis.call('ZCARD', shipping_methods) >= tonumber(max_methods) then
  return refuse('TOO_MANY')
end
redis.call('HSET', shipping_method, unpack(cjson.decode(fields)))
redis.call('ZADD', shipping_methods, 0, code)
emit('shipping_method.created', code, {version = 1})
return answer('CREATED', unpack(redis.call('HGETALL', shipping_method)))
