"""Purchases, and the state machine of their status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from shop.domain.addresses import PostalAddress
from shop.domain.cart_totals import Totals
from shop.domain.money import Money

MAX_LINES = 100
#: Shipments of one purchase. The last of them has every unit that has not been shipped.
MAX_SHIPMENTS = 20
#: For how long a guest's purchase that ended unpaid has their email and address: one that is paid late is sent still.
#: lua/parts/purchase_transition.lua has the same.
GUEST_RETENTION = timedelta(days=7)
#: In the place of a user, where the shop itself caused a transition.
SYSTEM = "system"


class Status(StrEnum):
    """The status of a purchase."""

    PLACED = "placed"
    PAID = "paid"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"

    @property
    def words(self) -> str:
        """The status as a person reads it."""
        return self.value.replace("_", " ")


_REFUNDS = (Status.PARTIALLY_REFUNDED, Status.REFUNDED)
#: Status -> the statuses that may follow it. After a partial refund, those may follow that could before: see `stage`. A
#: payment that arrives late makes a purchase paid that the shop has ended, expired or cancelled, where its units are
#: still there; no caller can.
TRANSITIONS: Mapping[Status, Sequence[Status]] = MappingProxyType(
    {
        Status.PLACED: (Status.PAID, Status.CANCELLED, Status.EXPIRED),
        Status.PAID: (Status.PARTIALLY_SHIPPED, Status.SHIPPED, Status.CANCELLED, *_REFUNDS),
        Status.PARTIALLY_SHIPPED: (Status.PARTIALLY_SHIPPED, Status.SHIPPED, *_REFUNDS),
        Status.SHIPPED: (Status.DELIVERED, *_REFUNDS),
        Status.DELIVERED: _REFUNDS,
        Status.EXPIRED: (),
        Status.CANCELLED: (),
        Status.PARTIALLY_REFUNDED: (),
        Status.REFUNDED: (),
    }
)


def sources(target: Status) -> Sequence[Status]:
    """Return the stages from which a purchase may become `target`."""
    return tuple(source for source, targets in TRANSITIONS.items() if target in targets)


def stage(statuses: Sequence[Status]) -> Status:
    """Return the status that decides what may follow, of the statuses that a purchase has had: the last one that is no
    partial refund, because money that went back changes nothing about the goods."""
    return next((status for status in reversed(statuses) if status is not Status.PARTIALLY_REFUNDED), statuses[0])


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
    """A transition of a purchase. `by` is the id of the user who caused it, SYSTEM where the shop did, None for a
    guest and an erased buyer. Erased staff leave an id of no user."""

    status: Status
    at: datetime
    by: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Units:
    """Units of a product of a purchase."""

    product: str
    quantity: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Shipment:
    """Units that were sent together. `carrier` and `tracking` are empty where unknown, `tracking` also once the buyer
    is erased."""

    at: datetime
    lines: Sequence[Units]
    carrier: str = ""
    tracking: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Purchase:
    """A purchase. `user` is None for a guest, and after the buyer is erased; `version` counts transitions, from 1. One
    that was made of a `cart` has the cart's address and shipping method, and the email of a guest. Where it is not paid
    by the instant `pay_by`, it expires; None where it has none. Purchases that were shipped before there were shipments
    have none of these."""

    id: str
    user: str | None
    status: Status
    items: Sequence[Item]
    total: Money
    created_at: datetime
    updated_at: datetime
    version: int
    history: Sequence[Event]
    shipments: Sequence[Shipment] = ()
    pay_by: datetime | None = None
    cart: str | None = None
    email: str = ""
    shipping_address: PostalAddress | None = None
    shipping_method: str = ""
    #: Parts of `total`, in minor units: what the voucher takes off, and what shipping costs.
    discount: int = 0
    shipping: int = 0
    voucher: str = ""

    @property
    def totals(self) -> Totals:
        """What `total` is made of."""
        currency = self.total.currency
        return Totals(
            items=Money(minor=sum(item.line_total.minor for item in self.items), currency=currency),
            discount=Money(minor=self.discount, currency=currency),
            shipping=Money(minor=self.shipping, currency=currency),
        )

    @property
    def stage(self) -> Status:
        """The status that decides what may follow."""
        return stage([event.status for event in self.history])

    @property
    def ended_unpaid(self) -> bool:
        """Whether it expired or was cancelled before it was paid: who the guest was is of no use any more."""
        statuses = [event.status for event in self.history]
        return self.status in (Status.EXPIRED, Status.CANCELLED) and Status.PAID not in statuses

    @property
    def next_statuses(self) -> Sequence[Status]:
        """The statuses that may follow the present one."""
        return TRANSITIONS[self.stage]


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


def units_of(lines: Sequence[Units]) -> Mapping[str, int]:
    """Return the units of each product, those of several lines summed."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.product] = units.get(line.product, 0) + line.quantity
    return units


def unshipped(purchase: Purchase) -> Mapping[str, int]:
    """Return the units of each product that have not been shipped; none once the purchase is."""
    if purchase.stage not in (Status.PAID, Status.PARTIALLY_SHIPPED):
        return {}
    shipped = units_of([line for shipment in purchase.shipments for line in shipment.lines])
    return {item.product: item.quantity - shipped.get(item.product, 0) for item in purchase.items}


def merge_units(lines: Sequence[Units]) -> Sequence[Units]:
    """Sum the lines of each product, in the order of their first lines."""
    return tuple(Units(product=product, quantity=quantity) for product, quantity in units_of(lines).items())
