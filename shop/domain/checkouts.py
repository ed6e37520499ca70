"""Checkouts: a cart becomes a purchase, once."""

from datetime import datetime, timedelta
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.carts import CartCaller
from shop.domain.purchases import Purchase


class CheckoutRepository(Protocol):
    """Checkouts of carts. Writes as in UserRepository."""

    def check_out(
        self,
        request: WriteRequest,
        id: str,
        cart: str,
        caller: CartCaller,
        at: datetime,
        pay_within: timedelta | None = None,
    ) -> WriteResult[Purchase]:
        """Place the purchase `id` of all lines of the cart, or none, at the prices that the cart has shown. What the
        cart holds is taken first. A cart is bought once: every further call, under whichever key, is a replay of the
        one that bought it. With `pay_within` it is a purchase of the past: it has to be paid in so much time from now,
        and is placed however many the customer has open.

        Raises: NotFound where the cart is not the caller's, CartNotReady, PriceChanged, InsufficientStock with every
        short line, VoucherExhausted, TooManyOpenPurchases; Invalid where the total has more than MAX_DIGITS digits."""
        ...

    def guest_purchase(self, id: str, token: str) -> Purchase:
        """Return the purchase that a guest made of the cart whose token has this digest.

        Raises: NotFound."""
        ...
