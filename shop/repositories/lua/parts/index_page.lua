-- index_page: up to `wanted` members of a sorted set of equal scores, from `bound` on (ascending) or down (descending).
-- Needs: bound descending wanted
-- Gives: index_page
local function index_page(index, from, limit)
  if descending == '1' then
    return redis.call('ZRANGE', index, from or bound, '-', 'BYLEX', 'REV', 'LIMIT', 0, limit or wanted)
  end
  return redis.call('ZRANGE', index, from or bound, '+', 'BYLEX', 'LIMIT', 0, limit or wanted)
end
