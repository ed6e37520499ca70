"""Keyset pagination: pages of an ordered list start at a sort key, never at an offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A position in an order: after the entry with this sort key, or before it where `backwards`."""

    key: str
    backwards: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    """Entries in their order, and the positions of the next and previous page (None: there is none)."""

    results: Sequence[T]
    next: Position | None
    previous: Position | None
