"""Fills carts: the writes of a customer, one after the other. A cart that was filled in part is filled anew."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from shop.domain.cart_errors import CartRefusal
from shop.domain.carts import CartCaller, CartChange, NewCart
from shop.domain.errors import InsufficientStock
from shop.domain.ports import Shop
from shop.domain.purchases import Line
from shop.domain.voucher_errors import VoucherNotApplicable
from shop.domain.vouchers import guest_customer
from shop.seeding.plan import OpenCart, Order
from shop.seeding.requests import seeding_request


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes to one cart, at one instant."""

    shop: Shop
    id: str
    caller: CartCaller
    at: datetime

    def create(self, owner: str, currency: str) -> None:
        new = NewCart(id=self.id, owner=owner, currency=currency, token=self.caller.token, sealed_token="")
        self.shop.carts.create(seeding_request(f"{self.id}:create"), new, self.at)

    def set_line(self, line: Line) -> None:
        request = seeding_request(f"{self.id}:line:{line.product}")
        self.shop.carts.set_line(request, self.id, self.caller, line.product, line.quantity, self.at)

    def update(self, change: CartChange) -> None:
        if change != CartChange():
            self.shop.carts.update(seeding_request(f"{self.id}:update"), self.id, self.caller, change, self.at)

    def set_voucher(self, code: str) -> None:
        """Put the voucher into the cart, where it applies."""
        request = seeding_request(f"{self.id}:voucher")
        try:
            self.shop.carts.set_voucher(request, self.id, self.caller, code, self.at)
        except VoucherNotApplicable:
            return


class Filler:
    """Fills the carts of one shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def caller(self, cart: str, user: str = "") -> CartCaller:
        """The caller of a guest's cart, whose token cannot be guessed and is the same in every run; or of a user with
        it."""
        token = hmac.digest(self._secret, f"shop.seeding.cart:{cart}".encode(), "sha256").hex()
        return CartCaller(user=user, token=token)

    def fill(self, cart: str, order: Order) -> None:
        """Fill a guest's cart with what the order is about: buying it makes it the user's. So no cart of a user makes
        room for another one before it is bought."""
        placement = order.placement
        writer = _Writer(self._shop, cart, self.caller(cart), placement.at)
        writer.create("", order.currency)
        for line in placement.lines:
            writer.set_line(line)
        writer.update(self._change(order))
        if placement.voucher:
            writer.set_voucher(placement.voucher)

    def fill_open(self, cart: OpenCart) -> CartCaller:
        """Fill an open cart, now. Return who has it."""
        caller = CartCaller(user=cart.owner) if cart.owner else self.caller(cart.id)
        at = self._shop.clock.now()
        writer = _Writer(self._shop, cart.id, caller, at)
        writer.create(cart.owner, cart.currency)
        if cart.voucher:
            writer.set_voucher(cart.voucher)
        if not cart.owner:
            writer.update(self._guest(f"guest-{cart.id}@example.com"))
        for line in cart.lines:
            writer.set_line(line)
        return caller

    def hold(self, cart: OpenCart, caller: CartCaller) -> None:
        """Hold the units of the cart, where they are there."""
        try:
            self._shop.carts.hold(
                seeding_request(f"{cart.id}:hold"), cart.id, caller, cart.hold, self._shop.clock.now()
            )
        except (InsufficientStock, CartRefusal):
            return

    def _change(self, order: Order) -> CartChange:
        guest = self._guest(order.email) if order.email else CartChange()
        return CartChange(
            email=guest.email,
            customer=guest.customer,
            shipping_address=order.address,
            shipping_method=order.shipping_method or None,
        )

    def _guest(self, email: str) -> CartChange:
        return CartChange(email=email, customer=guest_customer(self._shop.idempotency.value(), email))

    @cached_property
    def _secret(self) -> bytes:
        return self._shop.idempotency.value()
