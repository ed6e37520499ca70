"""Purchases, and the state machine of their status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from shop.domain.addresses import PostalAddress
from shop.domain.money import Money

MAX_LINES = 100
#: In the place of a user, where the shop itself caused a transition.
SYSTEM = "system"


class Status(StrEnum):
    """The status of a purchase."""

    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


#: Status -> the statuses that may follow it.
TRANSITIONS: Mapping[Status, Sequence[Status]] = MappingProxyType(
    {
        Status.PLACED: (Status.PAID, Status.CANCELLED),
        Status.PAID: (Status.SHIPPED, Status.CANCELLED, Status.REFUNDED),
        Status.SHIPPED: (Status.DELIVERED, Status.REFUNDED),
        Status.DELIVERED: (Status.REFUNDED,),
        Status.CANCELLED: (),
        Status.REFUNDED: (),
    }
)


def sources(target: Status) -> Sequence[Status]:
    """Return the statuses from which a purchase may become `target`."""
    return tuple(source for source, targets in TRANSITIONS.items() if target in targets)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A product, by its id or by its SKU, and the number of its units to buy. The one that is not given is empty."""

    product: str = ""
    sku: str = ""
    quantity: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A line of a purchase, with the name and price of the product when it was bought."""

    product: str
    sku: str
    name: str
    unit_price: Money
    quantity: int
    line_total: Money


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A transition of a purchase. `by` is the id of the user who caused it, SYSTEM where the shop did, None for an
    erased buyer. Erased staff leave an id of no user."""

    status: Status
    at: datetime
    by: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Purchase:
    """A purchase. `user` is None for a guest, and after the buyer is erased; `version` counts transitions, from 1. One
    that was made of a `cart` has the cart's address and shipping method, the email of a guest, and an instant by which
    it has to be paid."""

    id: str
    user: str | None
    status: Status
    items: Sequence[Item]
    total: Money
    created_at: datetime
    updated_at: datetime
    version: int
    history: Sequence[Event]
    cart: str | None = None
    email: str = ""
    shipping_address: PostalAddress | None = None
    shipping_method: str = ""
    pay_by: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PurchaseQuery:
    """Filters and order of a list of purchases. None: any user, any status, any time. `since` is inclusive, `until` is
    not; both are of the placing."""

    user: str | None = None
    status: Status | None = None
    since: datetime | None = None
    until: datetime | None = None
    descending: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Sales:
    """Numbers of purchases of any status: all, and recent ones."""

    total: int
    recent: int


def merge_lines(lines: Sequence[Line]) -> Sequence[Line]:
    """Sum the lines of each id and of each SKU, in the order of their first lines.

    Which product has a SKU is known to the write alone, which sums the lines of one product once more.
    """
    quantities: dict[tuple[str, str], int] = {}
    for line in lines:
        name = (line.product, line.sku)
        quantities[name] = quantities.get(name, 0) + line.quantity
    return [Line(product=product, sku=sku, quantity=quantity) for (product, sku), quantity in quantities.items()]
