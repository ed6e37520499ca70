-- Goes through all keys once, some hundred in a batch. The cursor is that of SCAN behind a letter, so that the page at
-- SCAN's 0 can be asked for again: a page with a large set of outcomes takes several batches.
local KEYS_AT_ONCE, RECORDS_AT_ONCE = 500, 1000
local changes, left = 0, RECORDS_AT_ONCE

-- A record of personal data of a subject, by the instant at which it expires.
local function list(subject, record)
  local expiry = redis.call('EXPIRETIME', record)
  if expiry < 0 then
    return
  end
  local outcomes = tag .. outcomes_prefix .. subject
  changes = changes + redis.call('ZADD', outcomes, expiry, record)
  redis.call('EXPIREAT', outcomes, expiry, 'NX')
  redis.call('EXPIREAT', outcomes, expiry, 'GT')
end

local function list_all(subject, set)
  for _, record in ipairs(redis.call('SPOP', set, left)) do
    list(subject, record)
    left = left - 1
  end
end

-- Schema 1 did not list the outcomes of purchases, which name the buyer.
local function list_purchase(record)
  local text = redis.call('GET', record)
  local outcome = text and cjson.decode(text).outcome or {}
  if outcome[1] ~= 'PLACED' and outcome[1] ~= 'MOVED' then
    return
  end
  for place = 2, #outcome, 2 do
    if outcome[place] == 'user' and outcome[place + 1] ~= '' then
      list(outcome[place + 1], record)
    end
  end
end

local position = string.match(cursor, '%d+')
local page = redis.call('SCAN', position, 'MATCH', tag .. '*', 'COUNT', KEYS_AT_ONCE)
for _, key in ipairs(page[2]) do
  local name = string.sub(key, #tag + 1)
  local order, block = string.match(name, block_pattern)
  local subject = string.match(name, outcomes_pattern)
  if order then
    changes = changes + redis.call('RENAMENX', key, tag .. string.format(block_format, order, block))
  elseif subject then
    list_all(subject, key)
  elseif string.match(name, record_pattern) then
    list_purchase(key)
  end
  if left <= 0 then
    return done_until('s' .. position, changes)
  end
end
return done_until(page[1] == '0' and '0' or 's' .. page[1], changes)
