"""Purchases in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.batches import NotDue, Unpaid
from shop.domain.callers import Caller
from shop.domain.errors import (
    FieldError,
    InsufficientStock,
    Invalid,
    InvalidTransition,
    MixedCurrencies,
    NotFound,
    Shortage,
    TooManyOpenPurchases,
    TooManyShipments,
    UnknownProduct,
)
from shop.domain.events import EventType
from shop.domain.money import Money
from shop.domain.movements import MovementKind
from shop.domain.pages import Page, Position
from shop.domain.payments import Intent, PaymentStatus, RefundStatus
from shop.domain.ports import PurchaseRepository
from shop.domain.purchases import (
    GUEST_RETENTION,
    MAX_SHIPMENTS,
    SYSTEM,
    Event,
    Item,
    Line,
    Purchase,
    PurchaseQuery,
    Sales,
    Shipment,
    Status,
    Units,
    merge_lines,
    units_of,
    unshipped,
)
from shop.domain.surroundings import Clock
from tests.fakes import transitions
from tests.fakes.paging import SortKey, page_of
from tests.fakes.payments import reserve_rest
from tests.fakes.products import moved
from tests.fakes.returns import refuse_more
from tests.fakes.store import FakeStore, each
from tests.fakes.transitions import transition

MOST_MINOR = 2**53 - 1
POSTPONEMENT = timedelta(minutes=10)


class FakePurchases(PurchaseRepository):
    def __init__(self, store: FakeStore, clock: Clock, max_open: int = 0) -> None:
        self._store = store
        #: Of the primary: what a caller says of the time decides nothing about `pay_by`.
        self._clock = clock
        self._max_open = max_open

    def get(self, id: str, owner: str | None) -> Purchase:
        with self._store.reading():
            return self._found(id, owner)

    def page(self, query: PurchaseQuery, size: int, position: Position | None) -> Page[Purchase]:
        with self._store.reading():
            found = [purchase for purchase in self._store.purchases.values() if _answers(purchase, query)]
            return page_of(found, _creation, descending=query.descending, size=size, position=position)

    def sales(self, since: datetime) -> Sales:
        with self._store.reading():
            at = [purchase.created_at for purchase in self._store.purchases.values()]
            return Sales(total=len(at), recent=sum(each >= since for each in at))

    def place(
        self, request: WriteRequest, id: str, user: str, lines: Sequence[Line], at: datetime
    ) -> WriteResult[Purchase]:
        return self._place(request, id, user, lines, at, (Status.PLACED,), self._max_open)

    def _place(
        self,
        request: WriteRequest,
        id: str,
        user: str,
        lines: Sequence[Line],
        at: datetime,
        path: Sequence[Status],
        max_open: int = 0,
    ) -> WriteResult[Purchase]:
        def effect() -> Purchase:
            if user not in self._store.users:
                raise NotFound("user", user)
            self._refuse_one_more(user, max_open)
            by_id = self._lines_by_id(lines)
            self._refuse_lines(by_id)
            purchase = self._put(placed_purchase(id, user, tuple(self._item(line) for line in by_id), at, path))
            self._take_units(purchase)
            self._store.note(f"purchase:{id}")
            placing = {"total": str(purchase.total.minor), "currency": purchase.total.currency}
            self._store.emit(EventType.PURCHASE_PLACED, id, placing)
            return purchase

        return self._store.once(request, effect, subject_of)

    def place_all(
        self,
        purchases: Sequence[tuple[WriteRequest, str, str, Sequence[Line], datetime]],
        path: Sequence[Status] = (Status.PLACED,),
    ) -> Sequence[WriteResult[Purchase] | Exception]:
        return each(lambda *purchase: self._place(*purchase, path=path), purchases)

    def move(
        self, request: WriteRequest, id: str, target: Status, *, by: Caller, restock: bool, at: datetime
    ) -> WriteResult[Purchase]:
        def effect() -> Purchase:
            purchase = self._found(id, None if by.reaches_all else by.id)
            if target not in purchase.next_statuses:
                raise InvalidTransition(purchase.status, target, purchase.next_statuses)
            if restock:
                transitions.restock(self._store, purchase, None, MovementKind(target), by.id)
            if target in (Status.CANCELLED, Status.REFUNDED):
                reserve_rest(self._store, purchase, target, by.id, at)
            self._store.note(f"purchase:{id}", ("status", purchase.status, target))
            return transition(self._store, purchase, target, at, by.id)

        return self._store.once(request, effect, subject_of)

    def ship(self, request: WriteRequest, id: str, shipment: Shipment, *, by: Caller) -> WriteResult[Purchase]:
        return self._store.once(request, lambda: self._shipped(id, shipment, by), subject_of)

    def _shipped(self, id: str, shipment: Shipment, by: Caller) -> Purchase:
        purchase = self._found(id, None)
        if Status.SHIPPED not in purchase.next_statuses:
            raise InvalidTransition(purchase.status, Status.SHIPPED, purchase.next_statuses)
        left = {product: units for product, units in unshipped(purchase).items() if units}
        if self._is_back(purchase):
            refuse_more(shipment.lines or [Units(product=each, quantity=left[each]) for each in left], {})
        refuse_more(shipment.lines, left)
        lines = tuple(shipment.lines) or tuple(Units(product=each, quantity=left[each]) for each in left)
        is_last = units_of(lines) == left
        if not is_last and len(purchase.shipments) + 1 >= MAX_SHIPMENTS:
            raise TooManyShipments(MAX_SHIPMENTS)
        tracking = shipment.tracking if purchase.user or purchase.email else ""
        shipments = (*purchase.shipments, replace(shipment, lines=lines, tracking=tracking))
        target = Status.SHIPPED if is_last else Status.PARTIALLY_SHIPPED
        self._store.note(f"purchase:{id}", ("status", purchase.status, target))
        named = [{"product": line.product, "quantity": line.quantity} for line in lines]
        data = {"shipment": len(shipments), "lines": named}
        sent = replace(purchase, shipments=shipments)
        return transition(self._store, sent, target, shipment.at, by.id, data)

    def _is_back(self, purchase: Purchase) -> bool:
        """Whether all units are back in stock, or a refund brings them there."""
        restored = self._store.restocked.get(purchase.id)
        payment = self._store.payments.get(self._store.paying.get(purchase.id, ""))
        refunds = payment.refunds if payment else ()
        is_coming = any(refund.restock and refund.status is not RefundStatus.FAILED for refund in refunds)
        return is_coming or restored == {item.product: item.quantity for item in purchase.items}

    def unpaid(self, placed_before: datetime | None, max_purchases: int, start: str = "", skipped: int = 0) -> Unpaid:
        with self._store.reading():
            now = self._clock.now()
            due = sorted((p.pay_by, p.id) for p in self._open() if p.pay_by and p.pay_by <= now)
            ids = [*(id for _, id in due[skipped:]), *(id for id in self._old(placed_before) if id >= start)]
            return Unpaid(ids=ids[:max_purchases], next_start=ids[max_purchases] if len(ids) > max_purchases else "")

    def overdue_for(self, placed_before: datetime | None) -> timedelta:
        with self._store.reading():
            now, open_ones = self._clock.now(), [p for p in self._open() if not self._is_authorized(p.id)]
            by_instant = [now - p.pay_by for p in open_ones if p.pay_by]
            old = set(self._old(placed_before))
            by_age = [placed_before - p.created_at for p in open_ones if placed_before and p.id in old]
            return max([timedelta(0), *by_instant, *by_age])

    def _old(self, placed_before: datetime | None) -> list[str]:
        """Those without an instant of their own that were placed before this one."""
        found = [p.id for p in self._open() if not p.pay_by and placed_before and p.created_at < placed_before]
        return sorted(found)

    def expire_all(
        self, purchases: Sequence[tuple[WriteRequest, str]], at: datetime
    ) -> Sequence[WriteResult[Purchase] | Exception]:
        return each(lambda request, id: self._store.once(request, lambda: self._expired(id, at), subject_of), purchases)

    def _expired(self, id: str, at: datetime) -> Purchase:
        purchase = self._found(id, None)
        if purchase.status is not Status.PLACED:
            raise InvalidTransition(purchase.status, Status.EXPIRED, purchase.next_statuses)
        now = self._clock.now()
        if purchase.pay_by and purchase.pay_by > now:
            raise NotDue(id)
        if self._is_authorized(id):
            return self._put(replace(purchase, pay_by=now + POSTPONEMENT))
        target = Status.EXPIRED if purchase.pay_by else Status.CANCELLED
        transitions.restock(self._store, purchase, None, MovementKind(target), SYSTEM)
        self._store.note(f"purchase:{id}", ("status", purchase.status, target))
        return transition(self._store, purchase, target, at, SYSTEM)

    def has_guests_to_forget(self, at: datetime) -> bool:
        with self._store.reading():
            return bool(self._to_forget(at))

    def forget_guests(self, request: WriteRequest, at: datetime, max_purchases: int) -> WriteResult[int]:
        def effect() -> int:
            found = self._to_forget(at)[:max_purchases]
            for purchase in found:
                self._put(replace(purchase, email="", shipping_address=None))
                self._store.forgotten.add(purchase.id)
            return len(found)

        return self._store.once(request, effect)

    def _to_forget(self, at: datetime) -> list[Purchase]:
        ended = [p for p in self._store.purchases.values() if p.status in (Status.EXPIRED, Status.CANCELLED)]
        unpaid = [p for p in ended if all(event.status is not Status.PAID for event in p.history)]
        due = [p for p in unpaid if self._store.guests.get(p.id) and p.history[-1].at + GUEST_RETENTION <= at]
        return [p for p in due if p.id not in self._store.forgotten]

    def _is_authorized(self, id: str) -> bool:
        payments = [payment for payment in self._store.payments.values() if payment.purchase == id]
        return any(p.status is PaymentStatus.AUTHORIZED and p.intent is not Intent.CANCEL for p in payments)

    def _open(self, user: str | None = None) -> list[Purchase]:
        purchases = self._store.purchases.values()
        return [p for p in purchases if p.status is Status.PLACED and user in (None, p.user)]

    def _refuse_one_more(self, user: str, max_open: int) -> None:
        if max_open and len(self._open(user)) >= max_open:
            raise TooManyOpenPurchases(max_open)

    def _found(self, id: str, owner: str | None) -> Purchase:
        purchase = self._store.purchases.get(id)
        if purchase is None or owner not in (None, purchase.user):
            raise NotFound("purchase", id)
        return purchase

    def _put(self, purchase: Purchase) -> Purchase:
        self._store.purchases[purchase.id] = purchase
        return purchase

    def _lines_by_id(self, lines: Sequence[Line]) -> Sequence[Line]:
        ids = {product.sku: product.id for product in self._store.products.values()}
        resolved = [replace(line, product=ids[line.sku], sku="") if line.sku in ids else line for line in lines]
        return merge_lines(resolved)

    def _refuse_lines(self, lines: Sequence[Line]) -> None:
        products = self._store.products
        unknown = [line for line in lines if line.product not in products]
        if unknown:
            ids = [line.product for line in unknown if not line.sku]
            raise UnknownProduct(ids, [line.sku for line in unknown if line.sku])
        currencies = sorted({products[line.product].price.currency for line in lines})
        if len(currencies) > 1:
            raise MixedCurrencies(currencies)
        shortages = list(_shortages(lines, self._store))
        if shortages:
            raise InsufficientStock(shortages)

    def _item(self, line: Line) -> Item:
        product = self._store.products[line.product]
        return Item(
            product=product.id,
            sku=product.sku,
            name=product.name,
            unit_price=product.price,
            quantity=line.quantity,
            line_total=Money(minor=product.price.minor * line.quantity, currency=product.price.currency),
        )

    def _take_units(self, purchase: Purchase) -> None:
        for item in purchase.items:
            product = self._store.products[item.product]
            taken = moved(self._store, product, -item.quantity, MovementKind.SALE, purchase.id, "")
            self._store.products[item.product] = taken


def _shortages(lines: Sequence[Line], store: FakeStore) -> Iterable[Shortage]:
    for line in lines:
        available = store.products[line.product].stock - store.held(line.product)
        if line.quantity > available:
            yield Shortage(product=line.product, requested=line.quantity, available=available)


def placed_purchase(id: str, user: str | None, items: Sequence[Item], at: datetime, path: Sequence[Status]) -> Purchase:
    total = sum(item.line_total.minor for item in items)
    if total > MOST_MINOR:
        raise Invalid(FieldError("/items", "total-too-large", "The total exceeds what can be paid."))
    return Purchase(
        id=id,
        user=user,
        status=path[-1],
        items=items,
        total=Money(minor=total, currency=items[0].unit_price.currency),
        created_at=at,
        updated_at=at,
        version=len(path),
        history=tuple(Event(status=status, at=at, by=user) for status in path),
    )


def _answers(purchase: Purchase, query: PurchaseQuery) -> bool:
    return (
        query.user in (None, purchase.user)
        and query.status in (None, purchase.status)
        and (query.since is None or query.since <= purchase.created_at)
        and (query.until is None or purchase.created_at < query.until)
    )


def subject_of(purchase: Purchase) -> str:
    return purchase.user or ""


def _creation(purchase: Purchase) -> SortKey:
    return purchase.created_at.isoformat(timespec="milliseconds"), purchase.id
