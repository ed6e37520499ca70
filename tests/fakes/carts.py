"""Carts and holds in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.cart_errors import (
    CartNotReady,
    CartPurchased,
    CurrencyMismatch,
    TooManyLines,
    UnknownShippingMethod,
)
from shop.domain.cart_totals import CartShipping, CartVoucher, terms_text
from shop.domain.carts import (
    MAX_CARTS,
    MAX_GUEST_CARTS,
    MAX_HOLD,
    MAX_LINES,
    Cart,
    CartCaller,
    CartChange,
    CartLine,
    CartProblem,
    CartRepository,
    CartSummary,
    CreatedCart,
    NewCart,
)
from shop.domain.errors import InsufficientStock, NotFound, Shortage, UnknownProduct
from shop.domain.events import EventType
from shop.domain.pages import Page, Position
from shop.domain.products import MAX_UNITS
from shop.domain.voucher_errors import VoucherNotApplicable
from shop.domain.vouchers import voucher_code
from tests.fakes.paging import page_of
from tests.fakes.store import FakeStore


class CartTable:
    """The carts of a fake store, as their callers may see them."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def found(self, id: str, caller: CartCaller) -> Cart:
        cart, token = self._store.carts.get(id, (None, ""))
        if cart is None or not self._admits(cart, token, caller):
            raise NotFound("cart", id)
        return cart

    def _admits(self, cart: Cart, token: str, caller: CartCaller) -> bool:
        if cart.owner is None:
            return bool(token) and token == caller.token
        return cart.owner == caller.user and caller.user in self._store.users

    def unpurchased(self, id: str, caller: CartCaller) -> Cart:
        cart = self.found(id, caller)
        if cart.purchase:
            raise CartPurchased(cart.purchase)
        return cart

    def present(self, cart: Cart) -> Cart:
        """The cart with what its products, its shipping method and its voucher are now."""
        return replace(
            cart,
            lines=[self._present(line, cart.id) for line in cart.lines],
            shipping=self._shipping(cart),
            voucher=cart.voucher and self.voucher(cart.voucher.code, self.customer(cart), cart.voucher.seen_terms),
        )

    def _shipping(self, cart: Cart) -> CartShipping | None:
        if not cart.shipping_method or cart.shipping is None:
            return None
        return replace(cart.shipping, method=self._store.shipping_methods.get(cart.shipping_method))

    def voucher(self, code: str, customer: str, seen_terms: str) -> CartVoucher:
        """The voucher of this code for a customer, as it is now."""
        return CartVoucher(
            code=code,
            seen_terms=seen_terms,
            voucher=self._store.vouchers.get(code),
            times_before=self._store.redemptions[code, customer],
            at=datetime.now(UTC),
        )

    def customer(self, cart: Cart) -> str:
        """What stands for the cart's owner, or its guest, among the customers of a voucher."""
        return cart.owner or self._store.guest_customers.get(cart.id, "")

    def _present(self, line: CartLine, cart: str) -> CartLine:
        product = self._store.products.get(line.product)
        if product is None:
            return line
        available = max(product.stock - self._store.held(line.product, cart), 0)
        return replace(line, sku=product.sku, name=product.name, unit_price=product.price, available=available)

    def drop_hold(self, cart: str) -> None:
        for holds in self._store.holds.values():
            holds.pop(cart, None)

    def changed(self, cart: Cart, at: datetime, token: str | None = None) -> int:
        """Store the next version of a cart, the last one of its owner's list; the one before MAX_CARTS of them goes."""
        _, former = self._store.carts.pop(cart.id, (None, ""))
        changed = replace(cart, updated_at=at, version=cart.version + 1)
        self.put(changed, former if token is None else token)
        return changed.version

    def put(self, cart: Cart, token: str) -> None:
        self._store.carts[cart.id] = (cart, token)
        most = MAX_CARTS if cart.owner else MAX_GUEST_CARTS
        for oldest in self.owned_by(cart.owner)[:-most]:
            self.drop_hold(oldest)
            evicted, _ = self._store.carts.pop(oldest)
            self._store.emit(EventType.CART_DELETED, oldest, {"is_purchased": bool(evicted.purchase)})

    def owned_by(self, owner: str | None) -> list[str]:
        """Ids of the user's carts, or those of all guests, the one that was changed last behind the others."""
        return [id for id, (cart, _) in self._store.carts.items() if cart.owner == owner]


class FakeCarts(CartRepository):
    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self._table = CartTable(store)
        #: When each hold was taken that has been extended since.
        self._held_since: dict[str, datetime] = {}

    def create(self, request: WriteRequest, cart: NewCart, at: datetime) -> WriteResult[CreatedCart]:
        def effect() -> CreatedCart:
            if cart.owner and cart.owner not in self._store.users:
                raise NotFound("user", cart.owner)
            self._table.put(_empty(cart, at), cart.token)
            self._store.emit(EventType.CART_CREATED, cart.id, {"is_guest": not cart.owner})
            return CreatedCart(id=cart.id, sealed_token=cart.sealed_token)

        return self._store.once(request, effect)

    def get(self, id: str, caller: CartCaller) -> Cart:
        with self._store.reading():
            cart = self._table.found(id, caller)
            ends_at = cart.hold_ends_at if cart.hold_ends_at and cart.hold_ends_at > datetime.now(UTC) else None
            return replace(self._table.present(cart), hold_ends_at=ends_at)

    def inspect(self, id: str) -> Cart:
        cart, token = self._store.carts.get(id, (None, ""))
        return self.get(id, CartCaller(user=cart.owner or "" if cart else "", token=token))

    def page(self, owner: str | None, size: int, position: Position | None) -> Page[CartSummary]:
        with self._store.reading():
            places = {id: place for place, id in enumerate(self._table.owned_by(owner))}
            found = page_of(places, lambda id: (places[id],), descending=True, size=size, position=position)
            summaries = [_summary(self._store.carts[id][0]) for id in found.results]
            return Page(results=summaries, next=found.next, previous=found.previous)

    def ids(self, owner: str) -> Sequence[str]:
        with self._store.reading():
            return self._table.owned_by(owner)[::-1]

    def set_line(
        self, request: WriteRequest, id: str, caller: CartCaller, product: str, quantity: int, at: datetime
    ) -> WriteResult[int]:
        def effect() -> int:
            cart = self._table.unpurchased(id, caller)
            lines = {line.product: line for line in cart.lines}
            if quantity:
                lines[product] = self._line(cart, product, quantity, is_new=product not in lines)
            else:
                lines.pop(product, None)
            self._table.drop_hold(id)
            self._store.emit(EventType.CART_UPDATED, id, {"product": product, "quantity": quantity})
            return self._table.changed(replace(cart, lines=_ordered(lines), hold_ends_at=None), at)

        return self._store.once(request, effect)

    def update(
        self, request: WriteRequest, id: str, caller: CartCaller, change: CartChange, at: datetime
    ) -> WriteResult[int]:
        def effect() -> int:
            cart = self._table.unpurchased(id, caller)
            self._refuse_method(change.shipping_method, cart.currency)
            if change.email is not None:
                self._store.guest_customers[id] = change.customer
            changes = _changes(change)
            self._store.emit(EventType.CART_UPDATED, id, {"fields": " ".join(changes)})
            if change.shipping_method is not None:
                changes = {**changes, "shipping": self._chosen(change.shipping_method)}
            return self._table.changed(replace(cart, **changes), at)

        return self._store.once(request, effect)

    def set_voucher(
        self, request: WriteRequest, id: str, caller: CartCaller, code: str, at: datetime
    ) -> WriteResult[int]:
        def effect() -> int:
            cart = self._table.unpurchased(id, caller)
            voucher = self._applicable(cart, voucher_code(code)) if code else None
            self._store.emit(EventType.CART_UPDATED, id, {"fields": "voucher"})
            return self._table.changed(replace(cart, voucher=voucher), at)

        return self._store.once(request, effect)

    def hold(
        self, request: WriteRequest, id: str, caller: CartCaller, duration: timedelta, at: datetime
    ) -> WriteResult[int]:
        def effect() -> int:
            cart = self._table.unpurchased(id, caller)
            if not cart.lines:
                raise CartNotReady([("", CartProblem.EMPTY)])
            refuse_shortages(self._table.present(cart))
            self._table.drop_hold(id)
            now = datetime.now(UTC)
            if not (cart.hold_ends_at and cart.hold_ends_at > now):
                self._held_since[id] = now
            ends_at = min(now + duration, self._held_since[id] + MAX_HOLD)
            for line in cart.lines:
                self._store.holds.setdefault(line.product, {})[id] = (line.quantity, ends_at)
            self._store.emit(EventType.CART_HELD, id, {"ends_at_ms": int(ends_at.timestamp() * 1000)})
            return self._table.changed(replace(cart, hold_ends_at=ends_at), at)

        return self._store.once(request, effect)

    def release(self, request: WriteRequest, id: str, caller: CartCaller, at: datetime) -> WriteResult[int]:
        def effect() -> int:
            cart = self._table.found(id, caller)
            if cart.hold_ends_at is None:
                return cart.version
            self._table.drop_hold(id)
            self._store.emit(EventType.CART_RELEASED, id, {"version": cart.version + 1})
            return self._table.changed(replace(cart, hold_ends_at=None), at)

        return self._store.once(request, effect)

    def delete(self, request: WriteRequest, id: str, caller: CartCaller, at: datetime) -> WriteResult[None]:
        def effect() -> None:
            cart = self._table.found(id, caller)
            self._table.drop_hold(id)
            del self._store.carts[id]
            self._store.emit(EventType.CART_DELETED, id, {"is_purchased": cart.purchase is not None})

        return self._store.once(request, effect)

    def claim(self, request: WriteRequest, id: str, caller: CartCaller, at: datetime) -> WriteResult[str]:
        def effect() -> str:
            cart = self._table.unpurchased(id, caller)
            if caller.user not in self._store.users:
                raise NotFound("cart", id)
            if cart.owner == caller.user:
                return id
            open_cart = self._open_cart(caller.user, cart.currency)
            if open_cart is None:
                self._store.emit(EventType.CART_CLAIMED, id, {})
                self._table.changed(replace(cart, owner=caller.user), at, token="")
                return id
            return self._merge(cart, open_cart, at)

        return self._store.once(request, effect)

    def _refuse_method(self, code: str | None, currency: str) -> None:
        method = self._store.shipping_methods.get(code) if code else None
        if code and not (method and method.is_active and method.price.currency == currency):
            raise UnknownShippingMethod(code)

    def _chosen(self, code: str) -> CartShipping | None:
        method = self._store.shipping_methods.get(code)
        return CartShipping(code=code, seen_price=method.price.minor, method=None) if method else None

    def _applicable(self, cart: Cart, code: str) -> CartVoucher:
        found = self._store.vouchers.get(code)
        terms = terms_text(found) if found else ""
        voucher = self._table.voucher(code, self._table.customer(cart), terms)
        obstacle = voucher.obstacle(self._table.present(cart).items_total)
        if obstacle:
            raise VoucherNotApplicable(obstacle)
        return voucher

    def _merge(self, cart: Cart, into: Cart, at: datetime) -> str:
        lines = {line.product: line for line in into.lines}
        for line in cart.lines:
            former = lines[line.product].quantity if line.product in lines else 0
            lines[line.product] = replace(line, quantity=min(former + line.quantity, MAX_UNITS))
        if len(lines) > MAX_LINES:
            raise TooManyLines(MAX_LINES)
        self._table.drop_hold(cart.id)
        self._table.drop_hold(into.id)
        del self._store.carts[cart.id]
        self._store.emit(EventType.CART_CLAIMED, into.id, {"from": cart.id})
        address = into.shipping_address or cart.shipping_address
        method = into.shipping_method or cart.shipping_method
        shipping = into.shipping if into.shipping_method else cart.shipping
        merged = replace(
            into,
            lines=_ordered(lines),
            shipping_address=address,
            shipping_method=method,
            shipping=shipping,
            voucher=into.voucher or cart.voucher,
        )
        self._table.changed(replace(merged, hold_ends_at=None), at)
        return into.id

    def _open_cart(self, user: str, currency: str) -> Cart | None:
        carts = [self._store.carts[id][0] for id in reversed(self._table.owned_by(user))]
        return next((cart for cart in carts if not cart.purchase and cart.currency == currency), None)

    def _line(self, cart: Cart, product: str, quantity: int, *, is_new: bool) -> CartLine:
        found = self._store.products.get(product)
        if found is None:
            raise UnknownProduct([product])
        if found.price.currency != cart.currency:
            raise CurrencyMismatch(cart.currency)
        if is_new and len(cart.lines) >= MAX_LINES:
            raise TooManyLines(MAX_LINES)
        return CartLine(product=product, quantity=quantity, seen_price=found.price)


def _summary(cart: Cart) -> CartSummary:
    ends_at = cart.hold_ends_at
    return CartSummary(
        id=cart.id,
        owner=cart.owner,
        currency=cart.currency,
        lines=len(cart.lines),
        voucher=cart.voucher.code if cart.voucher else "",
        hold_ends_at=ends_at if ends_at and ends_at > datetime.now(UTC) else None,
        purchase=cart.purchase,
        created_at=cart.created_at,
        updated_at=cart.updated_at,
        version=cart.version,
    )


def refuse_shortages(cart: Cart) -> None:
    """Raises: InsufficientStock with every line of the cart that could not be had."""
    short = [line for line in cart.lines if line.available < line.quantity]
    if short:
        raise InsufficientStock(
            [Shortage(product=s.product, requested=s.quantity, available=s.available) for s in short]
        )


#: What a client may change of a cart.
_FIELDS = ("email", "shipping_address", "shipping_method")


def _changes(change: CartChange) -> dict[str, object]:
    values = {name: getattr(change, name) for name in _FIELDS}
    given = {name: value for name, value in values.items() if value is not None}
    return {**given, "shipping_address": None} if change.without_address else given


def _ordered(lines: Mapping[str, CartLine]) -> list[CartLine]:
    return [lines[product] for product in sorted(lines)]


def _empty(cart: NewCart, at: datetime) -> Cart:
    return Cart(
        id=cart.id,
        owner=cart.owner or None,
        currency=cart.currency,
        lines=[],
        email="",
        shipping_address=None,
        shipping_method="",
        hold_ends_at=None,
        purchase=None,
        created_at=at,
        updated_at=at,
        version=1,
    )
