"""What the page of a purchase shows beside its status: lines, payments, shipments, returns, and who bought it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shop import bootstrap
from shop.domain.callers import Caller
from shop.domain.errors import NotFound
from shop.domain.payments import Payment, PaymentStatus
from shop.domain.purchases import Item, Purchase, Shipment, Status, units_of
from shop.domain.returns import MAX_RETURNS, ReturnQuery
from shop.domain.users import User
from shop.office.line_units import named_units
from shop.office.payments import payment_row
from shop.services.payments import payment_list
from shop.services.returns import return_list
from shop.services.users import user_get

#: A purchase in one of these statuses has given back all that was captured for it, or is about to.
_ENDED = (Status.CANCELLED, Status.REFUNDED, Status.EXPIRED)


@dataclass(frozen=True, kw_only=True, slots=True)
class LineRow:
    """A line of a purchase, and how many of its units have been shipped."""

    item: Item
    shipped: int


def parts_of(caller: Caller, purchase: Purchase) -> dict[str, Any]:
    """Return what the page of a purchase shows, by the names of its template."""
    shop = bootstrap.get_shop()
    payments = payment_list(shop=shop, caller=None, purchase=purchase.id)
    query = ReturnQuery(purchase=purchase.id)
    returns = return_list(shop=shop, caller=caller, query=query, size=MAX_RETURNS, position=None).results
    return {
        "lines": _lines(purchase),
        "units": sum(item.quantity for item in purchase.items),
        "totals": purchase.totals,
        "has_parts": bool(purchase.discount or purchase.shipping),
        "payments": [payment_row(payment) for payment in payments],
        "owed": [payment for payment in payments if _is_owed(payment, purchase)],
        "shipments": [_shipment_row(purchase, shipment) for shipment in purchase.shipments],
        "returns": [{"made": each, "units": named_units(purchase, each.lines)} for each in returns],
        "buyer": _buyer(purchase.user),
        "address": [*_address_lines(purchase)],
    }


def _lines(purchase: Purchase) -> Sequence[LineRow]:
    shipped = units_of([line for shipment in purchase.shipments for line in shipment.lines])
    return [LineRow(item=item, shipped=shipped.get(item.product, 0)) for item in purchase.items]


def _is_owed(payment: Payment, purchase: Purchase) -> bool:
    """Whether money is to go back, and no refund is under way: the shop has stopped trying."""
    has_ended = payment.status is PaymentStatus.ORPHANED or purchase.stage in _ENDED
    return has_ended and payment.is_settled and payment.refundable.minor > 0


def _shipment_row(purchase: Purchase, shipment: Shipment) -> dict[str, Any]:
    return {
        "at": shipment.at,
        "carrier": shipment.carrier,
        "tracking": shipment.tracking,
        "units": named_units(purchase, shipment.lines),
    }


def _address_lines(purchase: Purchase) -> Sequence[str]:
    """The lines of the address, as on a parcel; none where there is none."""
    address = purchase.shipping_address
    if address is None:
        return []
    place = f"{address.postal_code} {address.city}".strip()
    lines = (address.name, address.line_1, address.line_2, place, address.region, address.country, address.phone)
    return [line for line in lines if line]


def _buyer(id: str | None) -> User | None:
    """The buyer; None for a guest, and where they are erased."""
    try:
        return user_get(shop=bootstrap.get_shop(), id=id) if id else None
    except NotFound:
        return None
