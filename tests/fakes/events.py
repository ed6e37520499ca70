"""Events in memory."""

import json
from dataclasses import replace

from shop.domain.events import EVENT_ID, Event, EventQuery, EventRepository
from shop.domain.pages import Page, Position
from tests.fakes.paging import SortKey, page_of
from tests.fakes.store import FakeStore


class FakeEvents(EventRepository):
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def page(self, query: EventQuery, size: int, position: Position | None) -> Page[Event]:
        with self._store.reading():
            found = [event for event in self._store.events if query.type in (None, event.type)]
            return page_of(found, _order, descending=False, size=size, position=position and _of_page(position))


def _of_page(position: Position) -> Position:
    """The position as pages have it, where it is the id of an event."""
    return replace(position, key=json.dumps(_parts(position.key))) if EVENT_ID.fullmatch(position.key) else position


def _order(event: Event) -> SortKey:
    return _parts(event.id)


def _parts(id: str) -> SortKey:
    return tuple(int(number) for number in id.split("-"))
