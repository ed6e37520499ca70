-- Precedes write.lua: the journal, in which a write that has taken effect is recorded in the same step. Each entry has
-- the link of the one before it. The journal is no key of the script, so that an account which may do less with it than
-- with the keys may run the script; each command is checked by itself.
local effect = {}

-- A change that only the script knows: a field, its value before and after.
local function record_change(field, before, after)
  if journal_entry ~= '' then
    effect[#effect + 1] = {field, before, after}
  end
end

-- With first_id, the entries before that one are removed. Returns the head: the number and the link of the entry.
local function append_to_journal(first_id)
  if journal_entry == '' then
    return ''
  end
  local sequence, previous = string.match(redis.call('GET', journal .. ':head') or '', '^(%d+) (%x*)$')
  sequence = string.format('%.0f', (sequence or 0) + 1)
  local changes = #effect > 0 and cjson.encode(effect) or ''
  local link = redis.sha1hex(table.concat({previous or '', sequence, journal_seal, journal_entry, changes}, '\n'))
  local fields = {'sequence', sequence, 'entry', journal_entry, 'seal', journal_seal, 'effect', changes, 'link', link}
  if first_id and first_id ~= '' then
    redis.call('XADD', journal, 'MINID', '=', first_id, '*', unpack(fields))
  else
    redis.call('XADD', journal, '*', unpack(fields))
  end
  journal_entry = ''
  local head = sequence .. ' ' .. link
  redis.call('SET', journal .. ':head', head)
  return head
end
