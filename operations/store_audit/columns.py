"""What scripts compare many products by at once: bitmaps, a bit for each product, beside large sets, round prices and
blocks; columns of sort prefixes, eight bytes for each product; and the zones of the order of creation."""

import struct
from collections.abc import Iterable, Iterator, Mapping

#: Products are numbered from the one after this. The same as in lua/parts/index_sets.lua.
NUMBER_BASE = 1_000_000_000

#: Product numbers of a zone. The same as in lua/parts/product_zones.lua.
ZONE_PRODUCTS = 4096

_SORT_PREFIX = struct.Struct(">d")
#: One more than the lowest and the highest sort prefix of the zone.
_ZONE = struct.Struct(">dd")


def offset(number: str) -> int:
    """Return the place of the product of this number in every column and bitmap."""
    return int(number) - NUMBER_BASE


def bitmap_faults(numbers: Iterable[str], bitmap: bytes) -> Iterator[str]:
    """Say what is wrong with a bitmap that should have the bits of these products alone."""
    expected = bytearray(len(bitmap))
    for bit in map(offset, numbers):
        if bit // 8 >= len(expected):
            expected.extend(bytes(bit // 8 + 1 - len(expected)))
        expected[bit // 8] |= 128 >> bit % 8
    differing = int.from_bytes(expected, "big") ^ int.from_bytes(bitmap.ljust(len(expected), b"\0"), "big")
    if differing:
        yield f"it is at odds with its set about {differing.bit_count():,} products"


def sort_prefix_faults(sort_prefixes: Mapping[str, float], column: bytes) -> Iterator[str]:
    """Say what is wrong with a column that should have these sort prefixes, by number. Others are not looked at."""
    wrong = [number for number, prefix in sort_prefixes.items() if not _has(column, offset(number), prefix)]
    if wrong:
        yield f"it has other sort prefixes for {len(wrong):,} products, as {min(wrong)}"


def zone_faults(sort_prefixes: Mapping[str, float], column: bytes) -> Iterator[str]:
    """Say what is wrong with zones that should be wide enough for these sort prefixes, by number."""
    outside = [number for number, prefix in sort_prefixes.items() if not _is_in_zone(column, offset(number), prefix)]
    if outside:
        yield f"{len(outside):,} products are outside of their zones, as {min(outside)}"


def _is_in_zone(column: bytes, place: int, prefix: float) -> bool:
    at = _ZONE.size * (place // ZONE_PRODUCTS)
    if at + _ZONE.size > len(column):
        return False
    low, high = _ZONE.unpack_from(column, at)
    return bool(low <= prefix + 1 <= high)


def _has(column: bytes, place: int, prefix: float) -> bool:
    at = _SORT_PREFIX.size * place
    return at + _SORT_PREFIX.size <= len(column) and _SORT_PREFIX.unpack_from(column, at)[0] == prefix
