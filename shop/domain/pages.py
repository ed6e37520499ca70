"""Pages of an ordered list, found by position and never by counting."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A place in an order: right behind the entry with this sort key, or before it when going backwards."""

    key: str
    backwards: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    """Some entries in their order, and where the neighbouring pages begin."""

    results: Sequence[T]
    next: Position | None
    previous: Position | None
