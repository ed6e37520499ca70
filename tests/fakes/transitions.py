"""What every write in memory does that moves a purchase, or brings units of it back into stock."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from shop.domain.events import EventType
from shop.domain.movements import MovementKind
from shop.domain.purchases import Event, Purchase, Status
from shop.domain.returns import Return, ReturnStatus
from tests.fakes.products import moved
from tests.fakes.store import FakeStore
from tests.fakes.vouchers import give_back


def transition(
    store: FakeStore, purchase: Purchase, target: Status, at: datetime, by: str, data: Mapping[str, Any] | None = None
) -> Purchase:
    """The purchase in its new status, with its event; a refund settles the returns that were received."""
    store.emit(EventType(f"purchase.{target}"), purchase.id, {"from": str(purchase.status), **(data or {})})
    changed = replace(
        purchase,
        status=target,
        updated_at=at,
        version=purchase.version + 1,
        history=(*purchase.history, Event(status=target, at=at, by=by or None)),
    )
    store.purchases[purchase.id] = changed
    if target in (Status.CANCELLED, Status.EXPIRED) and purchase.id in store.redeemed:
        store.given_back[purchase.id] = store.redeemed.pop(purchase.id)
        give_back(store, purchase.voucher, *store.given_back[purchase.id], purchase.id)
    if target in (Status.REFUNDED, Status.PARTIALLY_REFUNDED):
        for each in returns_of(store, purchase.id):
            if each.status is ReturnStatus.RECEIVED:
                move_return(store, each, ReturnStatus.REFUNDED, at)
    return changed


def restock(
    store: FakeStore, purchase: Purchase, wanted: Mapping[str, int] | None, kind: MovementKind, by: str
) -> Mapping[str, int]:
    """Bring units back that have not come back yet: all where none are named. Returns those that came now."""
    before, restored = store.restocked.setdefault(purchase.id, {}), {}
    for item in purchase.items:
        left = item.quantity - before.get(item.product, 0)
        units = left if wanted is None else min(wanted.get(item.product, 0), left)
        if units > 0:
            shelf = store.products if item.product in store.products else store.withdrawn
            author = "" if by == purchase.user else by
            shelf[item.product] = moved(store, shelf[item.product], units, kind, purchase.id, author)
            before[item.product] = before.get(item.product, 0) + units
            restored[item.product] = units
    return restored


def returns_of(store: FakeStore, purchase: str) -> list[Return]:
    return [each for each in store.returns.values() if each.purchase == purchase]


def move_return(store: FakeStore, found: Return, target: ReturnStatus, at: datetime) -> Return:
    store.emit(EventType(f"return.{target}"), found.id, {"purchase": found.purchase, "from": str(found.status)})
    store.returns[found.id] = replace(found, status=target, updated_at=at, version=found.version + 1)
    return store.returns[found.id]
