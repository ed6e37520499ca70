"""Purchases in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from exactly_once.requests import WriteRequest, WriteResult
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
    UnknownProduct,
)
from shop.domain.events import EventType
from shop.domain.money import Money
from shop.domain.movements import MovementKind
from shop.domain.pages import Page, Position
from shop.domain.ports import PurchaseRepository
from shop.domain.purchases import (
    SYSTEM,
    TRANSITIONS,
    Event,
    Item,
    Line,
    Purchase,
    PurchaseQuery,
    Sales,
    Status,
    merge_lines,
)
from tests.fakes.paging import SortKey, page_of
from tests.fakes.products import moved
from tests.fakes.store import FakeStore, each

MOST_MINOR = 2**53 - 1


class FakePurchases(PurchaseRepository):
    def __init__(self, store: FakeStore, max_open: int = 0) -> None:
        self._store = store
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
            self._move_units(purchase, -1, MovementKind.SALE)
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
            if target not in TRANSITIONS[purchase.status]:
                raise InvalidTransition(purchase.status, target, TRANSITIONS[purchase.status])
            if restock:
                self._move_units(purchase, 1, MovementKind(target), by.id)
            self._store.note(f"purchase:{id}", ("status", purchase.status, target))
            self._store.emit(EventType(f"purchase.{target}"), id, {"from": str(purchase.status)})
            return self._put(_moved(purchase, Event(status=target, at=at, by=by.id)))

        return self._store.once(request, effect, subject_of)

    def unpaid(self, placed_before: datetime, max_purchases: int) -> Sequence[str]:
        with self._store.reading():
            ids = (p.id for p in self._open() if p.created_at < placed_before)
            return sorted(ids)[:max_purchases]

    def oldest_unpaid_at(self) -> datetime | None:
        with self._store.reading():
            return min((purchase.created_at for purchase in self._open()), default=None)

    def expire_all(
        self, purchases: Sequence[tuple[WriteRequest, str]], at: datetime
    ) -> Sequence[WriteResult[Purchase] | Exception]:
        return each(lambda request, id: self._store.once(request, lambda: self._expired(id, at), subject_of), purchases)

    def _expired(self, id: str, at: datetime) -> Purchase:
        purchase = self._found(id, None)
        if purchase.status is not Status.PLACED:
            raise InvalidTransition(purchase.status, Status.CANCELLED, TRANSITIONS[purchase.status])
        self._move_units(purchase, 1, MovementKind.CANCELLED, SYSTEM)
        self._store.emit(EventType.PURCHASE_CANCELLED, id, {"from": str(purchase.status)})
        return self._put(_moved(purchase, Event(status=Status.CANCELLED, at=at, by=SYSTEM)))

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

    def _move_units(self, purchase: Purchase, sign: int, kind: MovementKind, by: str = "") -> None:
        for item in purchase.items:
            shelf = self._store.products if item.product in self._store.products else self._store.withdrawn
            product, by = shelf[item.product], "" if by == purchase.user else by
            shelf[item.product] = moved(self._store, product, sign * item.quantity, kind, purchase.id, by)


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


def _moved(purchase: Purchase, event: Event) -> Purchase:
    return replace(
        purchase,
        status=event.status,
        updated_at=event.at,
        version=purchase.version + 1,
        history=(*purchase.history, event),
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
