"""Events in Redis: the outbox of the engine, read in its order."""

from collections.abc import Iterator, Sequence

import orjson

from exactly_once import Consistency, Store
from shop.domain.events import Event, EventQuery, EventRepository, EventType
from shop.domain.pages import Page, Position
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window

#: Events that one read of the stream returns, and that a page looks at.
READ_STEP, MAX_SCANNED = 500, 4_000


class RedisEventRepository(EventRepository):
    """Reads the stream from the oldest event on."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def page(self, query: EventQuery, size: int, position: Position | None) -> Page[Event]:
        window = Window(size=size, position=position, descending=False)
        found: list[tuple[str, Event]] = []
        scanned, last = 0, ""
        for event in self._scan(window):
            scanned, last = scanned + 1, event.id
            if query.type in (None, event.type):
                found.append((event.id, event))
            if len(found) > size:
                return window.page(found)
        return window.cut(found, last) if scanned >= MAX_SCANNED else window.page(found)

    def _scan(self, window: Window) -> Iterator[Event]:
        """The events of a page's side of the stream, MAX_SCANNED at most."""
        edge = f"({window.position.key}" if window.position else "-"
        verb, end = ("XREVRANGE", "-") if window.is_reversed else ("XRANGE", "+")
        for _ in range(MAX_SCANNED // READ_STEP):
            rows = self._store.read((verb, self._keys.events, edge, end, "COUNT", READ_STEP), Consistency.CAUSAL)
            for id, flat in rows:
                yield _event(id, flat)
            if len(rows) < READ_STEP:
                return
            edge = f"({rows[-1][0]}"


def _event(id: str, flat: Sequence[str]) -> Event:
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    return Event(
        id=id,
        type=EventType(fields["type"]),
        at=records.instant(int(id.partition("-")[0])),
        object=fields["object"],
        data=orjson.loads(fields["data"]),
        request_id=fields["request"],
    )
