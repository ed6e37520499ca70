"""Carts and holds in memory."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.carts import MAX_CARTS, MAX_LINES, Cart, CartCaller, CartLine, CartRepository
from shop.domain.errors import (
    CartEmpty,
    CartPurchased,
    CurrencyMismatch,
    InsufficientStock,
    NotFound,
    Shortage,
    TooManyLines,
    UnknownProduct,
)
from tests.fakes.store import FakeStore


class FakeCarts(CartRepository):
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def create(self, request: WriteRequest, cart: Cart, token: str) -> WriteResult[None]:
        def effect() -> None:
            self._store.carts[cart.id] = (cart, token)
            theirs = [id for id, (each, _) in self._store.carts.items() if cart.owner and each.owner == cart.owner]
            for oldest in theirs[:-MAX_CARTS]:
                del self._store.carts[oldest]

        return self._store.once(request, effect)

    def get(self, id: str, caller: CartCaller) -> Cart:
        with self._store.reading():
            cart = self._found(id, caller)
            now = datetime.now(UTC)
            ends_at = cart.hold_ends_at if cart.hold_ends_at and cart.hold_ends_at > now else None
            return replace(cart, lines=[self._present(line, id) for line in cart.lines], hold_ends_at=ends_at)

    def set_line(
        self, request: WriteRequest, id: str, caller: CartCaller, product: str, quantity: int, at: datetime
    ) -> WriteResult[int]:
        def effect() -> int:
            cart = self._unpurchased(id, caller)
            lines = {line.product: line for line in cart.lines}
            if quantity:
                lines[product] = self._line(cart, product, quantity, is_new=product not in lines)
            else:
                lines.pop(product, None)
            self._drop_hold(id)
            return self._changed(replace(cart, lines=[lines[id] for id in sorted(lines)], hold_ends_at=None), at)

        return self._store.once(request, effect)

    def hold(
        self, request: WriteRequest, id: str, caller: CartCaller, duration: timedelta, at: datetime
    ) -> WriteResult[int]:
        def effect() -> int:
            cart = self._unpurchased(id, caller)
            if not cart.lines:
                raise CartEmpty
            present = [self._present(line, id) for line in cart.lines]
            short = [line for line in present if line.available < line.quantity]
            if short:
                raise InsufficientStock(
                    [Shortage(product=s.product, requested=s.quantity, available=s.available) for s in short]
                )
            self._drop_hold(id)
            ends_at = datetime.now(UTC) + duration
            for line in cart.lines:
                self._store.holds.setdefault(line.product, {})[id] = (line.quantity, ends_at)
            return self._changed(replace(cart, hold_ends_at=ends_at), at)

        return self._store.once(request, effect)

    def release(self, request: WriteRequest, id: str, caller: CartCaller, at: datetime) -> WriteResult[int]:
        def effect() -> int:
            cart = self._found(id, caller)
            self._drop_hold(id)
            return self._changed(replace(cart, hold_ends_at=None), at)

        return self._store.once(request, effect)

    def delete(self, request: WriteRequest, id: str, caller: CartCaller) -> WriteResult[None]:
        def effect() -> None:
            self._found(id, caller)
            self._drop_hold(id)
            del self._store.carts[id]

        return self._store.once(request, effect)

    def _found(self, id: str, caller: CartCaller) -> Cart:
        cart, token = self._store.carts.get(id, (None, ""))
        if cart is None or not (cart.owner == caller.user if cart.owner else token and token == caller.token):
            raise NotFound("cart", id)
        return cart

    def _unpurchased(self, id: str, caller: CartCaller) -> Cart:
        cart = self._found(id, caller)
        if cart.purchase:
            raise CartPurchased(cart.purchase)
        return cart

    def _line(self, cart: Cart, product: str, quantity: int, *, is_new: bool) -> CartLine:
        found = self._store.products.get(product)
        if found is None:
            raise UnknownProduct([product])
        if found.price.currency != cart.currency:
            raise CurrencyMismatch(cart.currency)
        if is_new and len(cart.lines) >= MAX_LINES:
            raise TooManyLines(MAX_LINES)
        return CartLine(product=product, quantity=quantity, seen_price=found.price)

    def _present(self, line: CartLine, cart: str) -> CartLine:
        found = self._store.products.get(line.product)
        if found is None:
            return line
        available = max(found.stock - self._store.held(line.product, cart), 0)
        return replace(line, sku=found.sku, name=found.name, unit_price=found.price, available=available)

    def _drop_hold(self, cart: str) -> None:
        for holds in self._store.holds.values():
            holds.pop(cart, None)

    def _changed(self, cart: Cart, at: datetime) -> int:
        _, token = self._store.carts[cart.id]
        changed = replace(cart, updated_at=at, version=cart.version + 1)
        self._store.carts[cart.id] = (changed, token)
        return changed.version
