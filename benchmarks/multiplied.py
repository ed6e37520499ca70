"""Copies of a catalogue, inside the store: a million products in a few minutes, where seeding them takes half an hour.

A copy has every record and index entry of a product, under another number, id and SKU. It shares the words of the
product that it is a copy of, so the store has fewer and longer word sets than one that was seeded.
"""

from collections.abc import Iterator, Sequence, Set
from typing import Any

from exactly_once.client import Command, Node
from exactly_once.migrations import migrate_copy
from shop.domain.products import ProductOrder
from shop.repositories.keys import BITMAP_SUFFIX, Keys
from shop.repositories.migrations import shop_schema

#: Ids of copies differ in one hexadecimal digit, and their SKUs in what stands at the end, which is no word: another
#: one in each round.
MAX_FACTOR, SKU_ENDS = 10, ("-", ".")
# A script holds up what the Sentinels ask: some ten milliseconds, on a machine that others use as well.
PRODUCTS_A_STEP, SETS_A_STEP, SCAN_COUNT = 100, 50, 5000
#: Members of a set that one command adds, and words of all commands that are sent before the replicas are waited for.
MEMBERS_A_COMMAND, WORDS_A_STEP = 1_000, 20_000
TIMEOUT_S, WAIT_MS, REPLICAS = 60.0, 60_000, 2
#: The same as in shop/repositories/lua/parts/index_sets.lua.
NUMBER_BASE, MAX_WITHOUT_BITMAP = 1_000_000_000, 1_000

# Copies the products of some numbers, with their entries in the three orders.
_COPY_PRODUCTS = r"""
local tag, copy, shift = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local round, sku_end, span_ms = tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8])
for number = tonumber(ARGV[4]), tonumber(ARGV[5]) do
  local id = redis.call('HGET', tag .. 'products:ids', string.format('%.0f', number))
  if id then
    local fields = redis.call('HGETALL', tag .. 'product:' .. id)
    local digit = string.format('%x', (tonumber(string.sub(id, round, round), 16) + copy) % 16)
    local new_id = string.sub(id, 1, round - 1) .. digit .. string.sub(id, round + 1)
    local new_number = string.format('%.0f', number + shift)
    for i = 1, #fields, 2 do
      if fields[i] == 'id' then fields[i + 1] = new_id end
      if fields[i] == 'number' then fields[i + 1] = new_number end
      -- Newer than every product before it, as in a catalogue that grows.
      if fields[i] == 'created_at' then fields[i + 1] = string.format('%.0f', fields[i + 1] + copy * span_ms) end
      if fields[i] == 'sku' then
        -- Another SKU of the same words.
        fields[i + 1] = fields[i + 1] .. string.rep(sku_end, copy)
        redis.call('HSET', tag .. 'skus', fields[i + 1], new_id)
      end
    end
    redis.call('HSET', tag .. 'product:' .. new_id, unpack(fields))
    redis.call('HSET', tag .. 'products:ids', new_number, new_id)
    for order = 9, #ARGV do
      local member = redis.call('HGET', tag .. 'products:' .. ARGV[order] .. '_of', string.format('%.0f', number))
      local sort_key = string.sub(member, 1, -#new_number - 2)
      if ARGV[order] == 'created_at' then
        sort_key = string.format('%015.0f', sort_key + copy * span_ms)
      end
      member = sort_key .. '\0' .. new_number
      redis.call('ZADD', tag .. 'products:by_' .. ARGV[order], 0, member)
      redis.call('HSET', tag .. 'products:' .. ARGV[order] .. '_of', new_number, member)
    end
  end
end
"""

# Repeats a string for each copy: a bitmap, or the column of sort prefixes.
_COPY_STRING = """
local value = redis.call('GET', KEYS[1])
for copy = 1, ARGV[2] - 1 do
  redis.call('SETRANGE', KEYS[1], copy * ARGV[1], value)
end
"""


def multiply(primary: Node, keys: Keys, factor: int) -> int:
    """Make the catalogue so many times as large, or a little less, 100 times at most. Nothing else may write meanwhile.
    Return how many products it has then."""
    first = min(factor, MAX_FACTOR)
    _multiply(primary, keys, 1, first)
    _multiply(primary, keys, 2, min(factor // first, MAX_FACTOR))
    _index_copies(primary, keys)
    return int(primary.run(("HLEN", keys.product_ids), timeout=TIMEOUT_S)[0])


def _index_copies(primary: Node, keys: Keys) -> None:
    """Add the copies to the ordered indexes of categories and companies and to the zones, as a migration does."""
    primary.run(("SET", keys.schema, "2"), timeout=TIMEOUT_S)

    def run(command: Command) -> Any:
        return primary.run(command, ("WAIT", REPLICAS, WAIT_MS), timeout=TIMEOUT_S + WAIT_MS / 1000)[0]

    migrate_copy(run, keys, shop_schema(keys))


def _multiply(primary: Node, keys: Keys, round: int, factor: int) -> None:
    base = int(primary.run(("GET", keys.product_sequence), timeout=TIMEOUT_S)[0])
    # A multiple of eight, so that bitmaps are copied by whole bytes.
    shift = (base // 8 + 1) * 8
    bitmaps, columns, sets = _names(primary, keys)
    span_ms = _span_ms(primary, keys)
    for copy in range(1, factor):
        for first in range(NUMBER_BASE + 1, NUMBER_BASE + base + 1, PRODUCTS_A_STEP):
            last = min(first + PRODUCTS_A_STEP - 1, NUMBER_BASE + base)
            copied = (keys.key(""), copy, copy * shift, first, last, round, SKU_ENDS[round - 1], span_ms)
            _run(primary, _COPY_PRODUCTS, [], (*copied, *ProductOrder))
    _copy_sets(primary, sets, frozenset(bitmaps), [copy * shift for copy in range(1, factor)])
    for names, offset in ((bitmaps, shift // 8), (columns, shift * 8)):
        for name in names:
            _run(primary, _COPY_STRING, [name], (offset, factor))
    primary.run(("SET", keys.product_sequence, shift * factor), timeout=TIMEOUT_S)


def _copy_sets(primary: Node, sets: Sequence[str], bitmaps: Set[str], offsets: Sequence[int]) -> None:
    """Add the numbers of the copies to these sets, and give those that are long by now their bitmaps."""
    batch, words = list[Command](), 0
    for command in _additions(primary, sets, bitmaps, offsets):
        batch.append(command)
        words += len(command)
        if words >= WORDS_A_STEP:
            _send(primary, batch)
            batch, words = [], 0
    _send(primary, batch)


def _additions(
    primary: Node, sets: Sequence[str], bitmaps: Set[str], offsets: Sequence[int]
) -> Iterator[tuple[str | int | bytes, ...]]:
    for start in range(0, len(sets), SETS_A_STEP):
        names = sets[start : start + SETS_A_STEP]
        found = primary.run(*(("SMEMBERS", name) for name in names), timeout=TIMEOUT_S)
        for name, members in zip(names, found, strict=True):
            numbers = sorted(map(int, members))
            copies = [number + offset for offset in offsets for number in numbers]
            for first in range(0, len(copies), MEMBERS_A_COMMAND):
                yield ("SADD", name, *copies[first : first + MEMBERS_A_COMMAND])
            bitmap = name + BITMAP_SUFFIX
            if bitmap not in bitmaps and len(numbers) + len(copies) > MAX_WITHOUT_BITMAP:
                yield ("SET", bitmap, _bitmap([*numbers, *copies]))


def _bitmap(numbers: Sequence[int]) -> bytes:
    """A bit for each of these numbers, as SETBIT sets it."""
    bits = bytearray((max(numbers) - NUMBER_BASE) // 8 + 1)
    for number in numbers:
        position = number - NUMBER_BASE
        bits[position >> 3] |= 0x80 >> (position & 7)
    return bytes(bits)


def _span_ms(primary: Node, keys: Keys) -> int:
    """Milliseconds from the first creation of a product to one after the last."""
    index = keys.products_by(ProductOrder.CREATED_AT)
    ends = primary.run(("ZRANGE", index, 0, 0), ("ZRANGE", index, -1, -1), timeout=TIMEOUT_S)
    first, last = (int(members[0].partition("\0")[0]) for members in ends)
    return last - first + 1


def _names(primary: Node, keys: Keys) -> tuple[list[str], list[str], list[str]]:
    """The keys of all bitmaps, of the columns of sort prefixes, and of the index sets."""
    limits = (keys.price_from_prefix, keys.price_up_to_prefix, *map(keys.product_block_prefix, ProductOrder))
    sets = (keys.category_prefix, keys.company_prefix, keys.currency_prefix, keys.word_prefix)
    columns = [keys.product_sort_prefixes(order) for order in (ProductOrder.PRICE, ProductOrder.NAME)]
    names = list(_scan(primary, keys.key("products:*")))
    bitmaps = [name for name in names if name.startswith(limits) or name.endswith(BITMAP_SUFFIX)]
    index_sets = [name for name in names if name.startswith(sets) and "\x01" not in name]
    return bitmaps, columns, [*index_sets, keys.in_stock, keys.sold_out]


def _scan(primary: Node, pattern: str) -> Iterator[str]:
    cursor = "0"
    while True:
        ((cursor, names),) = primary.run(("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT), timeout=TIMEOUT_S)
        yield from names
        if cursor == "0":
            return


def _run(primary: Node, script: str, names: Sequence[str], values: Sequence[str | int]) -> None:
    _send(primary, [("EVAL", script, len(names), *names, *values)])


def _send(primary: Node, commands: Sequence[Command]) -> None:
    # Replicas keep up: what they have not got yet is in the primary's memory.
    primary.run(*commands, ("WAIT", REPLICAS, WAIT_MS), timeout=TIMEOUT_S + WAIT_MS / 1000)
