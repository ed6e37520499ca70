"""Pages of a list: sorted whole, then cut at the position."""

import json
from collections.abc import Callable, Iterable
from typing import TypeVar

from shop.domain.pages import Page, Position

T = TypeVar("T")
#: Numbers and strings, compared one after the other; no two entries of a list have the same.
SortKey = tuple[int | str, ...]


def page_of(
    entries: Iterable[T], key: Callable[[T], SortKey], *, descending: bool, size: int, position: Position | None
) -> Page[T]:
    """`size` entries from the position on, or up to it when going backwards."""
    ordered = sorted(entries, key=key, reverse=descending)
    if position is None:
        return _forwards(ordered, key, size, None)
    here: SortKey = tuple(json.loads(position.key))
    later = [entry for entry in ordered if (key(entry) < here if descending else key(entry) > here)]
    if not position.backwards:
        return _forwards(later, key, size, Position(key=position.key, backwards=True))
    earlier = [entry for entry in ordered if (key(entry) > here if descending else key(entry) < here)]
    return _backwards(earlier, key, size, Position(key=position.key))


def _forwards(later: list[T], key: Callable[[T], SortKey], size: int, back: Position | None) -> Page[T]:
    results = later[:size]
    previous = _at(key(results[0]), backwards=True) if back and results else back
    more = len(later) > size
    return Page(results=results, next=_at(key(results[-1])) if more else None, previous=previous)


def _backwards(earlier: list[T], key: Callable[[T], SortKey], size: int, onwards: Position) -> Page[T]:
    results = earlier[-size:]
    more = len(earlier) > size
    return Page(
        results=results,
        next=_at(key(results[-1])) if results else onwards,
        previous=_at(key(results[0]), backwards=True) if more else None,
    )


def _at(key: SortKey, *, backwards: bool = False) -> Position:
    return Position(key=json.dumps(key), backwards=backwards)
