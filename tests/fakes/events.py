"""Events in memory."""

from shop.domain.events import Event, EventQuery, EventRepository
from shop.domain.pages import Page, Position
from tests.fakes.paging import SortKey, page_of
from tests.fakes.store import FakeStore


class FakeEvents(EventRepository):
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def page(self, query: EventQuery, size: int, position: Position | None) -> Page[Event]:
        with self._store.reading():
            found = [event for event in self._store.events if query.type in (None, event.type)]
            return page_of(found, _order, descending=False, size=size, position=position)


def _order(event: Event) -> SortKey:
    return tuple(int(number) for number in event.id.split("-"))
