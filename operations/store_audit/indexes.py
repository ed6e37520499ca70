"""The indexes, compared with what they are indexes of."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from exactly_once.client import Command
from operations.backup.snapshot import Snapshot
from operations.store_audit.columns import bitmap_faults, sort_prefix_faults, zone_faults
from operations.store_audit.kinds import IndexKind, IndexKinds
from shop.domain.stock_invariant import Violation
from shop.repositories.keys import BITMAP_SUFFIX, Keys

#: How many wrong entries of one index are named.
NAMED = 3

_READING: Mapping[IndexKind, Callable[[str], Command]] = {
    IndexKind.SET: lambda index: ("SMEMBERS", index),
    IndexKind.BITMAP: lambda index: ("GET", index),
    IndexKind.ORDERED_SET: lambda index: ("ZRANGE", index, 0, -1, "WITHSCORES"),
    IndexKind.HASH: lambda index: ("HGETALL", index),
    IndexKind.COLUMN: lambda index: ("GET", index),
    IndexKind.ZONES: lambda index: ("GET", index),
}


class Indexes:
    """What should be where. An entry of a hash is written as `field -> value`."""

    def __init__(self, keys: Keys) -> None:
        self._kinds = IndexKinds(keys)
        self._entries: dict[str, list[str]] = defaultdict(list)
        self._sort_prefixes: dict[str, dict[str, float]] = defaultdict(dict)

    def expect(self, index: str, entry: str) -> None:
        """The entry is to be in the index."""
        self._entries[index].append(entry)

    def expect_pair(self, index: str, field: str, value: str) -> None:
        """The field of the hash is to have this value."""
        self._entries[index].append(_pair(field, value))

    def expect_sort_prefix(self, column: str, number: str, prefix: float) -> None:
        """The product of this number is to have this sort prefix in the column, or between the ends of its zone."""
        self._sort_prefixes[column][number] = prefix

    def violations(self, snapshot: Snapshot, names: frozenset[str]) -> Iterator[Violation]:
        """Every index that lacks an entry or has one too many."""
        # A bitmap that is not there is no violation: a large set may wait for it, and is searched without it.
        candidates = sorted({*self._entries, *self._sort_prefixes, *names})
        indexes = [(index, kind) for index in candidates if (kind := self._kinds.of(index))]
        replies = snapshot.replies(_READING[kind](index) for index, kind in indexes)
        for (index, kind), reply in zip(indexes, replies, strict=True):
            if isinstance(reply, Exception):
                yield Violation(code="index-unreadable", subject=index, detail=str(reply))
            else:
                yield from self._compared(index, kind, reply)

    def _compared(self, index: str, kind: IndexKind, reply: Any) -> Iterator[Violation]:
        if kind is IndexKind.BITMAP:
            faults = bitmap_faults(self._entries.get(index.removesuffix(BITMAP_SUFFIX), ()), reply or b"")
        elif kind is IndexKind.COLUMN:
            faults = sort_prefix_faults(self._sort_prefixes[index], reply or b"")
        elif kind is IndexKind.ZONES:
            faults = zone_faults(self._sort_prefixes[index], reply or b"")
        else:
            yield from _differences(index, frozenset(self._entries.get(index, ())), _entries(reply, kind))
            return
        yield from (Violation(code="index-column", subject=index, detail=fault) for fault in faults)


def _entries(reply: Sequence[bytes], kind: IndexKind) -> frozenset[str]:
    texts = [text.decode(errors="replace") for text in reply]
    if kind is IndexKind.SET:
        return frozenset(texts)
    pairs = zip(texts[::2], texts[1::2], strict=True)
    if kind is IndexKind.HASH:
        return frozenset(_pair(field, value) for field, value in pairs)
    # Another score puts a member where no page looks for it.
    return frozenset(member if score == "0" else _pair(member, f"score {score}") for member, score in pairs)


def _pair(field: str, value: str) -> str:
    return f"{field} -> {value}"


def _differences(index: str, expected: frozenset[str], actual: frozenset[str]) -> Iterator[Violation]:
    if missing := expected - actual:
        yield Violation(code="index-missing", subject=index, detail=_named(missing))
    if stray := actual - expected:
        yield Violation(code="index-stray", subject=index, detail=_named(stray))


def _named(entries: frozenset[str]) -> str:
    some = [repr(entry) if "\0" in entry else entry for entry in sorted(entries)[:NAMED]]
    more = f" and {len(entries) - NAMED:,} more" if len(entries) > NAMED else ""
    return ", ".join(some) + more
