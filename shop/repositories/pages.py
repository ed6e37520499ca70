"""From a page's position to the bounds of a lexicographic range, and from what was found to a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeVar

from exactly_once.declarations import Value
from shop.domain.pages import Page, Position

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The part of an order that a page looks at: `size` entries and one more, to see whether there are more."""

    size: int
    position: Position | None
    descending: bool

    @property
    def is_reversed(self) -> bool:
        """Whether the order is read from its high end: descending forwards, or ascending backwards."""
        return self.descending != (self.position is not None and self.position.backwards)

    def args(self) -> dict[str, Value]:
        """Where to begin, in which direction, and how many, as the page scripts take them."""
        end = "+" if self.is_reversed else "-"
        return {
            "bound": f"({self.position.key}" if self.position else end,
            "descending": int(self.is_reversed),
            "wanted": self.size + 1,
        }

    def page_of(self, entries: Sequence[tuple[str, T]]) -> Page[T]:
        """The page of all entries of a short list, in any order."""
        ordered = sorted(entries, key=itemgetter(0), reverse=self.is_reversed)
        return self.page([entry for entry in ordered if self._is_beyond(entry[0])][: self.size + 1])

    def _is_beyond(self, key: str) -> bool:
        """Whether an entry with this sort key is on the page's side of the position."""
        if self.position is None:
            return True
        return key < self.position.key if self.is_reversed else key > self.position.key

    def page(self, found: Sequence[tuple[str, T]], *, is_cut: bool = False) -> Page[T]:
        """The page of pairs of sort key and entry, as they were found; `is_cut` where more were there to be found."""
        is_back = self.position is not None and self.position.backwards
        has_more = is_cut or len(found) > self.size
        shown = found[: self.size]
        if is_back:
            shown = shown[::-1]
        has_next, has_previous = (True, has_more) if is_back else (has_more, self.position is not None)
        return Page(
            results=[entry for _, entry in shown],
            next=Position(key=shown[-1][0]) if shown and has_next else None,
            previous=Position(key=shown[0][0], backwards=True) if shown and has_previous else None,
        )

    def cut(self, found: Sequence[tuple[str, T]], last: str) -> Page[T]:
        """The page of a scan that ended at its limit, at the entry with this sort key: the next one goes on there."""
        page = self.page(found)
        is_back = self.position is not None and self.position.backwards
        onwards = Position(key=last, backwards=is_back)
        if is_back:
            return Page(results=page.results, next=page.next, previous=onwards)
        return Page(results=page.results, next=onwards, previous=page.previous)
