"""Checkouts in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.cart_errors import CartNotReady, PriceChange, PriceChanged
from shop.domain.carts import Cart, CartCaller, CartProblem
from shop.domain.checkouts import CheckoutRepository
from shop.domain.errors import NotFound, TooManyOpenPurchases
from shop.domain.events import EventType
from shop.domain.purchases import Line, Purchase, Status
from shop.domain.surroundings import Clock
from shop.domain.voucher_errors import VoucherExhausted
from shop.domain.vouchers import EXHAUSTION
from tests.fakes.carts import CartTable, refuse_shortages
from tests.fakes.purchases import FakePurchases, placed_purchase, subject_of
from tests.fakes.store import FakeStore
from tests.fakes.vouchers import redeem

#: Problems that have an error of their own.
_OWN_ERRORS = (CartProblem.PRICE_CHANGED, CartProblem.INSUFFICIENT_STOCK)


class FakeCheckouts(FakePurchases, CheckoutRepository):
    def __init__(self, store: FakeStore, clock: Clock, pay_within: timedelta, max_open: int = 0) -> None:
        super().__init__(store, clock, max_open)
        self._pay_within = pay_within
        self._table = CartTable(store)

    def check_out(
        self,
        request: WriteRequest,
        id: str,
        cart: str,
        caller: CartCaller,
        at: datetime,
        pay_within: timedelta | None = None,
    ) -> WriteResult[Purchase]:
        def effect() -> Purchase:
            found = self._table.found(cart, caller)
            if caller.user and caller.user not in self._store.users:
                raise NotFound("cart", cart)
            if found.purchase:
                return self._store.purchases[found.purchase]
            if pay_within is None:
                self._refuse_one_more_of(found, caller)
            customer = caller.user or self._table.customer(found)
            present = self._as_bought_by(self._table.present(found), customer)
            _refuse(present, caller)
            within = self._pay_within if pay_within is None else pay_within
            return self._bought(request, id, present, caller, at, self._clock.now() + within)

        result = self._store.once(request, effect, subject_of)
        placed_by = self._store.carts[cart][0].purchase if cart in self._store.carts else None
        origin = self._store.placed_by.get(placed_by or "", result.origin_request_id)
        return replace(result, origin_request_id=origin)

    def _refuse_one_more_of(self, cart: Cart, caller: CartCaller) -> None:
        if caller.user:
            self._refuse_one_more(caller.user, self._max_open)
            return
        customer, of_carts = self._table.customer(cart), self._store.guest_customers
        placed = [p for p in self._open() if self._store.guests.get(p.id) and of_carts.get(p.cart) == customer]
        if self._max_open and len(placed) >= self._max_open:
            raise TooManyOpenPurchases(self._max_open)

    def guest_purchase(self, id: str, token: str) -> Purchase:
        with self._store.reading():
            if not token or self._store.guests.get(id) != token:
                raise NotFound("purchase", id)
            return self._store.purchases[id]

    def _as_bought_by(self, cart: Cart, customer: str) -> Cart:
        """The cart with its voucher as it is for this customer."""
        if cart.voucher is None:
            return cart
        return replace(cart, voucher=self._table.voucher(cart.voucher.code, customer, cart.voucher.seen_terms))

    def _redeem(self, cart: Cart, purchase: str, customer: str) -> None:
        if cart.voucher is not None and cart.voucher.voucher is not None:
            self._store.redeemed[purchase] = (cart.voucher.voucher.id, customer)
            redeem(self._store, cart.voucher.voucher, customer, purchase)

    def _bought(
        self, request: WriteRequest, id: str, cart: Cart, caller: CartCaller, at: datetime, pay_by: datetime
    ) -> Purchase:
        self._table.drop_hold(cart.id)
        items = tuple(self._item(Line(product=line.product, quantity=line.quantity)) for line in cart.lines)
        made = placed_purchase(id, caller.user or None, items, at, (Status.PLACED,))
        purchase = replace(
            made,
            cart=cart.id,
            email=cart.email,
            shipping_address=cart.shipping_address,
            shipping_method=cart.shipping_method,
            total=cart.totals.total,
            discount=cart.totals.discount.minor,
            shipping=cart.totals.shipping.minor,
            voucher=cart.voucher.code if cart.voucher else "",
            pay_by=pay_by,
        )
        self._redeem(cart, id, caller.user or self._table.customer(cart))
        self._take_units(self._put(purchase))
        self._store.guests[id] = "" if caller.user else caller.token
        self._store.placed_by[id] = request.id
        owner = caller.user or None
        bought = replace(self._store.carts[cart.id][0], purchase=id, owner=owner, hold_ends_at=None)
        self._table.changed(bought, at, token="" if owner else None)
        data = {"total": str(purchase.total.minor), "currency": purchase.total.currency, "cart": cart.id}
        self._store.emit(EventType.PURCHASE_PLACED, id, data)
        return purchase


def _refuse(cart: Cart, caller: CartCaller) -> None:
    own = (*_OWN_ERRORS, CartProblem.VOUCHER_NOT_APPLICABLE) if cart.voucher_obstacle in EXHAUSTION else _OWN_ERRORS
    problems = [problem for problem in cart.problems() if problem[1] not in own and _counts(problem, caller)]
    if problems:
        raise CartNotReady(problems)
    changes = list(_price_changes(cart))
    if changes:
        raise PriceChanged(changes)
    refuse_shortages(cart)
    if cart.voucher_obstacle:
        raise VoucherExhausted(cart.voucher_obstacle)


def _counts(problem: tuple[str, CartProblem], caller: CartCaller) -> bool:
    return problem[1] is not CartProblem.EMAIL_MISSING or not caller.user


def _price_changes(cart: Cart) -> Sequence[PriceChange]:
    return [
        PriceChange(line.product, line.seen_price, line.unit_price)
        for line in cart.lines
        if line.unit_price and line.unit_price != line.seen_price
    ]
