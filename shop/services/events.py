"""Use cases of events."""

from shop.domain.events import Event, EventQuery
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop


def event_list(*, shop: Shop, query: EventQuery, size: int, position: Position | None) -> Page[Event]:
    """List events, the oldest first."""
    return shop.events.page(query, size, position)
