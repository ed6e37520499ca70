"""Pages of a list: sorted whole, then cut at the position."""

import json
from collections.abc import Callable, Iterable, Sequence
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
    begin, end = _bounds([key(entry) for entry in ordered], descending, size, position)
    results = ordered[begin:end]
    is_back = position is not None and position.backwards
    has_next, has_previous = (True, begin > 0) if is_back else (end < len(ordered), position is not None)
    return Page(
        results=results,
        next=Position(key=json.dumps(key(results[-1]))) if results and has_next else None,
        previous=Position(key=json.dumps(key(results[0])), backwards=True) if results and has_previous else None,
    )


def _bounds(keys: Sequence[SortKey], descending: bool, size: int, position: Position | None) -> tuple[int, int]:
    if position is None:
        return 0, size
    here: SortKey = tuple(json.loads(position.key))
    if position.backwards:
        end = sum(key > here if descending else key < here for key in keys)
        return max(end - size, 0), end
    begin = sum(key >= here if descending else key <= here for key in keys)
    return begin, begin + size
