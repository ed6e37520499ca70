-- payment_state: what a provider says of a payment becomes part of the record. Reports come twice, late and in any order:
-- totals are those since the payment began, of which the greatest counts, and a status never goes back.
-- Needs: payment_prefix
-- Gives: merge_state store_state is_open
local RANK = {
  processing = 1, requires_action = 2, failed = 3, authorized = 4, cancelled = 5,
  captured = 6, orphaned = 7, partially_refunded = 8, refunded = 9,
}
local TOTALS = {'authorized', 'captured'}

local function is_open(status)
  return status == 'processing' or status == 'requires_action' or status == 'authorized'
end

local function larger(one, other)
  return tonumber(other) > tonumber(one) and other or one
end

-- Takes over the totals, the status, and what a customer needs to act. The provider's id of the payment stays the first.
local function merge_state(fields, said)
  -- Bound: two.
  for _, total in ipairs(TOTALS) do
    fields[total] = larger(fields[total], said[total])
  end
  fields.authorized = larger(fields.authorized, fields.captured)
  if RANK[said.status] > RANK[fields.status] then
    fields.status = said.status
  end
  -- Money that was captured as a whole counts whatever the status says.
  if fields.captured ~= '0' and tonumber(fields.captured) >= tonumber(fields.amount) and RANK[fields.status] < RANK.captured then
    fields.status = 'captured'
  end
  fields.reference = fields.reference == '' and said.reference or fields.reference
  fields.failure = said.failure ~= '' and said.failure or fields.failure
  if fields.status == 'processing' or fields.status == 'requires_action' then
    fields.client_secret = said.client_secret ~= '' and said.client_secret or fields.client_secret
    fields.redirect_url = said.redirect_url ~= '' and said.redirect_url or fields.redirect_url
  else
    fields.client_secret, fields.redirect_url = '', ''
  end
end

-- Stores what has changed since `before`, and returns whether anything has.
local STATE_FIELDS = {
  'status', 'authorized', 'captured', 'refunded', 'reference', 'failure', 'client_secret', 'redirect_url', 'intent',
  'reversed',
}
local function store_state(payment_id, fields, before, at)
  local changed, payment = {}, payment_prefix .. payment_id
  -- Bound: STATE_FIELDS, 10.
  for _, name in ipairs(STATE_FIELDS) do
    if fields[name] ~= before[name] then
      changed[#changed + 1], changed[#changed + 2] = name, fields[name]
    end
  end
  local rows = #fields.rows > 0 and cjson.encode(fields.rows) or ''
  if rows ~= before.encoded then
    changed[#changed + 1], changed[#changed + 2] = 'refunds', rows
  end
  if #changed == 0 then
    return
  end
  redis.call('HSET', payment, 'updated_at', at, unpack(changed))
  redis.call('HINCRBY', payment, 'version', 1)
end
