"""Use cases of events."""

from collections.abc import Mapping
from typing import Any

from shop.domain.events import Event, EventQuery
from shop.domain.money import decimal_text
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop

#: Names of data that are amounts: digits of minor units where they are stored, beside a `currency`.
AMOUNTS = ("total", "subtotal", "discount", "shipping", "amount", "authorized", "captured", "refunded")


def event_list(*, shop: Shop, query: EventQuery, size: int, position: Position | None) -> Page[Event]:
    """List events, the oldest first."""
    return shop.events.page(query, size, position)


def event_document(event: Event) -> dict[str, Any]:
    """Build the JSON document of an event, for the API and for webhooks."""
    return {
        "id": event.id,
        "type": event.type,
        "at": event.at,
        "object": event.object,
        "data": _data(event.data),
        "request_id": event.request_id,
    }


def _data(stored: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of an event, with amounts as the rest of the API has them."""
    if "currency" not in stored:
        return dict(stored)
    amounts = {name: decimal_text(str(int(stored[name])), stored["currency"]) for name in AMOUNTS if name in stored}
    return {**stored, **amounts}
