"""Purchases: what was bought, by whom, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from shop.domain.money import Money

MAX_LINES = 100


class Status(StrEnum):
    """Where a purchase is in its life."""

    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


#: From where to where a purchase may go.
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
    """From where a purchase may go to `target`."""
    return tuple(source for source, targets in TRANSITIONS.items() if target in targets)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """So many units of one product, as asked for."""

    product: str
    quantity: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A line of a purchase, with what the product was called and cost at that instant."""

    product: str
    sku: str
    name: str
    unit_price: Money
    quantity: int
    line_total: Money


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A step in a purchase's life. `by` is the id of who took it, or None where that was a
    buyer who was erased; staff who are erased leave an id that leads nowhere."""

    status: Status
    at: datetime
    by: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Purchase:
    """A sale. `user` is None once the buyer was erased; `version` counts the steps, from 1."""

    id: str
    user: str | None
    status: Status
    items: Sequence[Item]
    total: Money
    created_at: datetime
    updated_at: datetime
    version: int
    history: Sequence[Event]


@dataclass(frozen=True, kw_only=True, slots=True)
class PurchaseQuery:
    """Whose purchases (None: everybody's), in which status, in which order of creation."""

    user: str | None = None
    status: Status | None = None
    descending: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Sales:
    """How many purchases there are, whatever became of them, and how many of them are recent."""

    total: int
    recent: int


def merge_lines(lines: Sequence[Line]) -> Sequence[Line]:
    """The lines with those of one product added up, in the order in which each product came first."""
    quantities: dict[str, int] = {}
    for line in lines:
        quantities[line.product] = quantities.get(line.product, 0) + line.quantity
    return [Line(product=product, quantity=quantity) for product, quantity in quantities.items()]
