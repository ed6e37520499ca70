"""Use cases of purchases."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.callers import Caller
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.purchases import (
    Line,
    Purchase,
    PurchaseQuery,
    Sales,
    Shipment,
    Status,
    Units,
    merge_lines,
    merge_units,
)
from shop.services.payments import purchase_pay_back

MINUTE = timedelta(minutes=1)


def purchase_place(
    *, shop: Shop, request: WriteRequest, caller: Caller, lines: Sequence[Line]
) -> WriteResult[Purchase]:
    """Place a purchase; lines of one product are summed.

    Raises:
        TooManyOpenPurchases, UnknownProduct, MixedCurrencies, InsufficientStock; Invalid for a total beyond
        MAX_DIGITS. Nothing is bought.
    """
    now = shop.clock.now()
    return shop.purchases.place(request, shop.ids.new(now), caller.id, merge_lines(lines), now)


def purchase_get(*, shop: Shop, caller: Caller, id: str) -> Purchase:
    """Get a purchase: the caller's own, or for staff and API keys any.

    Raises:
        NotFound.
    """
    return shop.purchases.get(id, None if caller.reaches_all else caller.id)


def purchase_list(
    *, shop: Shop, caller: Caller, query: PurchaseQuery, size: int, position: Position | None
) -> Page[Purchase]:
    """List purchases: the caller's own, or for staff and API keys those of all users."""
    own = query if caller.reaches_all else replace(query, user=caller.id)
    return shop.purchases.page(own, size, position)


def purchase_sales(*, shop: Shop) -> Sales:
    """Count all purchases, and those of the last minute."""
    return shop.purchases.sales(shop.clock.now() - MINUTE)


def purchase_cancel(*, shop: Shop, request: WriteRequest, caller: Caller, id: str) -> WriteResult[Purchase]:
    """Cancel a placed or paid purchase, return its units to stock, and refund what was captured for it.

    Raises:
        NotFound, InvalidTransition.
    """
    result = shop.purchases.move(request, id, Status.CANCELLED, by=caller, restock=True, at=shop.clock.now())
    purchase_pay_back(shop=shop, request=request, purchase=result.value)
    return result


def purchase_pay(*, shop: Shop, request: WriteRequest, caller: Caller, id: str) -> WriteResult[Purchase]:
    """Mark a placed purchase as paid: staff have taken the money, which is a payment of its own.

    Raises:
        NotFound, InvalidTransition.
    """
    now = shop.clock.now()
    return shop.payments.pay_manually(request, id, shop.ids.new(now), caller, now)


def purchase_ship(
    *,
    shop: Shop,
    request: WriteRequest,
    caller: Caller,
    id: str,
    lines: Sequence[Units] = (),
    carrier: str = "",
    tracking: str = "",
) -> WriteResult[Purchase]:
    """Record a shipment of these units of a paid purchase, those of one product summed; without lines, of all that has
    not been shipped. Once everything has, the purchase is shipped.

    Raises:
        NotFound, InvalidTransition, UnitsExceeded, TooManyShipments.
    """
    shipment = Shipment(at=shop.clock.now(), lines=merge_units(lines), carrier=carrier, tracking=tracking)
    return shop.purchases.ship(request, id, shipment, by=caller)


def purchase_deliver(*, shop: Shop, request: WriteRequest, caller: Caller, id: str) -> WriteResult[Purchase]:
    """Mark a shipped purchase as delivered.

    Raises:
        NotFound, InvalidTransition.
    """
    return shop.purchases.move(request, id, Status.DELIVERED, by=caller, restock=False, at=shop.clock.now())


def purchase_refund(
    *, shop: Shop, request: WriteRequest, caller: Caller, id: str, restock: bool
) -> WriteResult[Purchase]:
    """Refund a paid, shipped or delivered purchase, and all that was captured for it; with `restock` return its units
    to stock that have not yet.

    Raises:
        NotFound, InvalidTransition.
    """
    result = shop.purchases.move(request, id, Status.REFUNDED, by=caller, restock=restock, at=shop.clock.now())
    purchase_pay_back(shop=shop, request=request, purchase=result.value)
    return result
