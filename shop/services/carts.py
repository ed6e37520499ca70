"""Use cases of carts: what is about to be bought, holds, and checkout."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.callers import Caller
from shop.domain.carts import Cart, CartCaller, CartChange, CartSummary, NewCart
from shop.domain.errors import NotFound
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.purchases import Purchase
from shop.domain.vouchers import guest_customer


@dataclass(frozen=True, slots=True)
class IssuedCart:
    """A cart that was just made, and the token of a guest's; empty for a user's."""

    cart: Cart
    token: str


def cart_create(*, shop: Shop, request: WriteRequest, user: str, currency: str) -> WriteResult[IssuedCart]:
    """Make an empty cart, of this user or of a guest: then it has a token, which is shown once.

    Raises:
        NotFound where the user is erased.
    """
    now, token = shop.clock.now(), "" if user else shop.secrets.make_cart_token()
    new = NewCart(
        id=shop.ids.new(now),
        owner=user,
        currency=currency,
        token=shop.secrets.digest(token) if token else "",
        sealed_token=shop.secrets.seal(token) if token else "",
    )
    result = shop.carts.create(request, new, now)
    # A repeat gets the cart and the token of the first try.
    issued = shop.secrets.open(result.value.sealed_token) if result.value.sealed_token else ""
    caller = CartCaller(user=user, token=shop.secrets.digest(issued) if issued else "")
    cart = shop.carts.get(result.value.id, caller)
    return WriteResult(value=IssuedCart(cart, issued), origin_request_id=result.origin_request_id)


def cart_get(*, shop: Shop, caller: CartCaller, id: str) -> Cart:
    """Get a cart with the present prices and stocks.

    Raises:
        NotFound where there is none, or it is another's.
    """
    return shop.carts.get(id, caller)


def cart_inspect(*, shop: Shop, id: str) -> Cart:
    """Get a cart, whose ever it is: for staff.

    Raises:
        NotFound.
    """
    return shop.carts.inspect(id)


def cart_list(*, shop: Shop, user: str | None, size: int, position: Position | None) -> Page[CartSummary]:
    """List the carts of a user, None: of all guests, the one that was changed last first."""
    return shop.carts.page(user, size, position)


def cart_list_all(*, shop: Shop, user: str) -> Sequence[Cart]:
    """List the carts of a user, the one that was changed last first."""
    caller, found = CartCaller(user=user), []
    for id in shop.carts.ids(user):
        with suppress(NotFound):
            found.append(shop.carts.get(id, caller))
    return found


def cart_set_line(
    *, shop: Shop, request: WriteRequest, caller: CartCaller, id: str, product: str, quantity: int
) -> WriteResult[Cart]:
    """Put so many units of a product into the cart, at its present price; 0 takes the line out. A hold ends.

    Raises:
        NotFound, CartPurchased, UnknownProduct, CurrencyMismatch, TooManyLines.
    """
    result = shop.carts.set_line(request, id, caller, product, quantity, shop.clock.now())
    return _as_it_is(shop, id, caller, result)


def cart_update(
    *, shop: Shop, request: WriteRequest, caller: CartCaller, id: str, change: CartChange
) -> WriteResult[Cart]:
    """Set email, address and shipping method.

    Raises:
        NotFound, CartPurchased, UnknownShippingMethod.
    """
    if change.email:
        change = replace(change, customer=guest_customer(shop.idempotency.value(), change.email))
    result = shop.carts.update(request, id, caller, change, shop.clock.now())
    return _as_it_is(shop, id, caller, result)


def cart_set_voucher(*, shop: Shop, request: WriteRequest, caller: CartCaller, id: str, code: str) -> WriteResult[Cart]:
    """Put the voucher of this code into the cart; take it out where the code is empty.

    Raises:
        NotFound, CartPurchased, VoucherNotApplicable.
    """
    return _as_it_is(shop, id, caller, shop.carts.set_voucher(request, id, caller, code, shop.clock.now()))


def cart_hold(*, shop: Shop, request: WriteRequest, caller: CartCaller, id: str, minutes: int) -> WriteResult[Cart]:
    """Hold the units of all lines for so many minutes, or none.

    Raises:
        NotFound, CartPurchased, CartNotReady, InsufficientStock, TooManyHolds.
    """
    result = shop.carts.hold(request, id, caller, timedelta(minutes=minutes), shop.clock.now())
    return _as_it_is(shop, id, caller, result)


def cart_release(*, shop: Shop, request: WriteRequest, caller: CartCaller, id: str) -> WriteResult[Cart]:
    """End the hold of a cart, if there is one.

    Raises:
        NotFound.
    """
    return _as_it_is(shop, id, caller, shop.carts.release(request, id, caller, shop.clock.now()))


def cart_delete(*, shop: Shop, request: WriteRequest, caller: CartCaller, id: str) -> WriteResult[None]:
    """Delete a cart, with its hold.

    Raises:
        NotFound.
    """
    return shop.carts.delete(request, id, caller, shop.clock.now())


def cart_claim(*, shop: Shop, request: WriteRequest, caller: CartCaller, id: str) -> WriteResult[Cart]:
    """Make a guest's cart the user's, or put its lines into the one that they have.

    Raises:
        NotFound, CartPurchased, TooManyLines.
    """
    result = shop.carts.claim(request, id, caller, shop.clock.now())
    return _as_it_is(shop, result.value, CartCaller(user=caller.user), result)


def cart_check_out(*, shop: Shop, request: WriteRequest, caller: CartCaller, id: str) -> WriteResult[Purchase]:
    """Buy what is in a cart, at the prices that it has shown. Every further call is answered with the same purchase.

    Raises:
        NotFound, CartNotReady, PriceChanged, InsufficientStock, VoucherExhausted, TooManyOpenPurchases; Invalid for a
        total beyond MAX_DIGITS. Nothing is bought.
    """
    now = shop.clock.now()
    return shop.checkouts.check_out(request, shop.ids.new(now), id, caller, now)


def guest_purchase_get(*, shop: Shop, token: str, id: str) -> Purchase:
    """Get the purchase of a guest, by the digest of the cart's token.

    Raises:
        NotFound.
    """
    return shop.checkouts.guest_purchase(id, token)


def guest_caller(*, shop: Shop, token: str, purchase: str) -> Caller:
    """Return the caller that acts for the guest who made this purchase of the cart whose token has this digest. Valid
    for this purchase alone; who has made it does not change, so it may be found out before a write.

    Raises:
        NotFound.
    """
    guest_purchase_get(shop=shop, token=token, id=purchase)
    return Caller(id="", role=None, token="", scopes=frozenset())


def _as_it_is(shop: Shop, id: str, caller: CartCaller, result: WriteResult[Any]) -> WriteResult[Cart]:
    """The cart after a write: prices and stocks are no part of a recorded outcome."""
    return WriteResult(value=shop.carts.get(id, caller), origin_request_id=result.origin_request_id)
