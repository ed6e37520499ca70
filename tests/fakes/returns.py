"""Returns in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.callers import Caller
from shop.domain.errors import InvalidTransition, NotFound, Shortage, TooManyReturns, UnitsExceeded
from shop.domain.events import EventType
from shop.domain.movements import MovementKind
from shop.domain.pages import Page, Position
from shop.domain.purchases import Purchase, Status, Units, units_of
from shop.domain.returns import (
    MAX_RETURNS,
    RETURN_TRANSITIONS,
    Return,
    ReturnQuery,
    ReturnRepository,
    ReturnStatus,
)
from tests.fakes.paging import page_of
from tests.fakes.store import FakeStore
from tests.fakes.transitions import move_return, restock, returns_of


class FakeReturns(ReturnRepository):
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def get(self, id: str, owner: str | None) -> Return:
        with self._store.reading():
            found = self._found(id)
            if owner not in (None, self._buyer(found.purchase)):
                raise NotFound("return", id)
            return found

    def page(self, query: ReturnQuery, owner: str | None, size: int, position: Position | None) -> Page[Return]:
        with self._store.reading():
            if query.purchase is not None:
                self._purchase(query.purchase, owner)
            found = [each for each in self._store.returns.values() if self._answers(each, query)]
            return page_of(found, lambda each: (each.id,), descending=True, size=size, position=position)

    def request(
        self,
        request: WriteRequest,
        id: str,
        purchase: str,
        lines: Sequence[Units],
        reason: str,
        *,
        by: Caller,
        at: datetime,
    ) -> WriteResult[Return]:
        def effect() -> Return:
            bought = self._purchase(purchase, None if by.reaches_all else by.id)
            others = returns_of(self._store, purchase)
            if len(others) >= MAX_RETURNS:
                raise TooManyReturns(MAX_RETURNS)
            refuse_more(lines, _returnable(bought, others))
            self._store.note(f"return:{id}")
            named = [{"product": line.product, "quantity": line.quantity} for line in lines]
            self._store.emit(EventType.RETURN_REQUESTED, id, {"purchase": purchase, "lines": named})
            made = Return(
                id=id,
                purchase=purchase,
                status=ReturnStatus.REQUESTED,
                lines=tuple(lines),
                reason=reason if bought.user or bought.email else "",
                created_at=at,
                updated_at=at,
                version=1,
            )
            self._store.returns[id] = made
            return made

        return self._store.once(request, effect, self._subject)

    def approve(self, request: WriteRequest, id: str, at: datetime) -> WriteResult[Return]:
        return self._move(request, id, ReturnStatus.APPROVED, at)

    def refuse(self, request: WriteRequest, id: str, at: datetime) -> WriteResult[Return]:
        return self._move(request, id, ReturnStatus.REFUSED, at)

    def receive(
        self, request: WriteRequest, id: str, lines: Sequence[Units], *, restock: bool, by: Caller, at: datetime
    ) -> WriteResult[Return]:
        def effect() -> Return:
            found = self._movable(id, ReturnStatus.RECEIVED)
            refuse_more(lines, units_of(found.lines))
            received = tuple(lines) or found.lines
            back = self._restocked(found, received, by) if restock else ()
            changed = replace(found, received=received, restocked=back)
            moved = move_return(self._store, changed, ReturnStatus.RECEIVED, at)
            if self._store.purchases[found.purchase].status is Status.REFUNDED:
                return move_return(self._store, moved, ReturnStatus.REFUNDED, at)
            return moved

        return self._store.once(request, effect, self._subject)

    def _restocked(self, found: Return, received: Sequence[Units], by: Caller) -> Sequence[Units]:
        purchase, wanted = self._store.purchases[found.purchase], units_of(received)
        units = restock(self._store, purchase, wanted, MovementKind.RETURNED, by.id)
        return tuple(
            Units(product=line.product, quantity=units[line.product]) for line in received if line.product in units
        )

    def _move(self, request: WriteRequest, id: str, target: ReturnStatus, at: datetime) -> WriteResult[Return]:
        return self._store.once(
            request, lambda: move_return(self._store, self._movable(id, target), target, at), self._subject
        )

    def _movable(self, id: str, target: ReturnStatus) -> Return:
        found = self._found(id)
        allowed = RETURN_TRANSITIONS[found.status]
        if target not in allowed:
            raise InvalidTransition(found.status, target, allowed, "return")
        self._store.note(f"return:{id}", ("status", found.status, target))
        return found

    def _found(self, id: str) -> Return:
        if id not in self._store.returns:
            raise NotFound("return", id)
        return self._store.returns[id]

    def _purchase(self, id: str, owner: str | None) -> Purchase:
        purchase = self._store.purchases.get(id)
        if purchase is None or owner not in (None, purchase.user):
            raise NotFound("purchase", id)
        return purchase

    def _buyer(self, purchase: str) -> str | None:
        return self._store.purchases[purchase].user

    def _answers(self, found: Return, query: ReturnQuery) -> bool:
        if query.user is not None:
            return self._buyer(found.purchase) == query.user
        return query.purchase in (None, found.purchase) and query.status in (None, found.status)

    def _subject(self, found: Return) -> str:
        return self._buyer(found.purchase) or ""


def refuse_more(lines: Sequence[Units], left: Mapping[str, int]) -> None:
    """Raises: UnitsExceeded, where lines ask for more units of a product than are left."""
    over = [line for line in lines if line.quantity > left.get(line.product, 0)]
    if over:
        raise UnitsExceeded([Shortage(line.product, line.quantity, left.get(line.product, 0)) for line in over])


def _returnable(purchase: Purchase, others: Sequence[Return]) -> Mapping[str, int]:
    left = dict(_shipped(purchase))
    for each in others:
        if each.status is not ReturnStatus.REFUSED:
            for product, units in units_of(each.received or each.lines).items():
                left[product] = left.get(product, 0) - units
    return left


def _shipped(purchase: Purchase) -> Mapping[str, int]:
    if purchase.stage in (Status.SHIPPED, Status.DELIVERED):
        return {item.product: item.quantity for item in purchase.items}
    return units_of([line for shipment in purchase.shipments for line in shipment.lines])
