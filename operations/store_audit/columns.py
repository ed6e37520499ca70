"""What is kept beside the indexes so that scripts can go through many products at once: for every large set a string
of bits, one for every product; for every order a column of ranks, eight bytes each."""

import struct
from collections.abc import Iterable, Iterator, Mapping

#: Products are numbered from the one after this.
FIRST = 1_000_000_000
#: A set of more products than this has a string of bits.
FEW = 1000
#: What the name of such a string ends in, and no name of a set: names have no control characters.
BITS = "\x01bits"

_RANK = struct.Struct(">d")


def offset(number: str) -> int:
    """Where a product of this number is in every column and string of bits."""
    return int(number) - FIRST


def bit_faults(numbers: Iterable[str], found: bytes) -> Iterator[str]:
    """What is wrong with a string that should have a bit for these products alone."""
    right = bytearray(len(found))
    for place in map(offset, numbers):
        if place // 8 >= len(right):
            right.extend(bytes(place // 8 + 1 - len(right)))
        right[place // 8] |= 128 >> place % 8
    differing = int.from_bytes(right, "big") ^ int.from_bytes(found.ljust(len(right), b"\0"), "big")
    if differing:
        yield f"it is at odds with its set about {differing.bit_count():,} products"


def rank_faults(ranks: Mapping[str, float], found: bytes) -> Iterator[str]:
    """What is wrong with a column that should have these ranks, by number; of other products it may have any."""
    wrong = [number for number, rank in ranks.items() if not _has(found, _RANK.size * offset(number), rank)]
    if wrong:
        yield f"it has other ranks for {len(wrong):,} products, as {min(wrong)}"


def _has(column: bytes, at: int, rank: float) -> bool:
    return at + _RANK.size <= len(column) and _RANK.unpack_from(column, at)[0] == rank
