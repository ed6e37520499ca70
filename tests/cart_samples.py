"""Carts for tests to begin with."""

from datetime import timedelta
from itertools import count
from typing import Any

from shop.domain.addresses import PostalAddress
from shop.domain.carts import Cart, CartCaller, CartChange, NewCart
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Purchase
from shop.services.carts import cart_update
from tests.samples import a_request

GUEST_TOKEN = "digest of a cart token"
GUEST = CartCaller(token=GUEST_TOKEN)
MINUTE = timedelta(minutes=1)
EMAIL = "guest@example.com"
ADDRESS = PostalAddress(
    name="Ada Byron",
    line_1="12 St James's Square",
    line_2="",
    postal_code="SW1Y 4JH",
    city="London",
    region="",
    country="GB",
    phone="",
)
_tokens = count(1)


def a_new_cart(shop: Shop, owner: str = "", token: str = GUEST_TOKEN, currency: str = "EUR") -> NewCart:
    return NewCart(
        id=shop.ids.new(shop.clock.now()),
        owner=owner,
        currency=currency,
        token="" if owner else token,
        sealed_token="" if owner else f"sealed {token}",
    )


def a_cart(shop: Shop, owner: str = "", token: str = GUEST_TOKEN, currency: str = "EUR") -> Cart:
    """An empty cart that is stored: a guest's, or this user's."""
    new = a_new_cart(shop, owner, token, currency)
    shop.carts.create(a_request(), new, shop.clock.now())
    return shop.carts.get(new.id, CartCaller(user=owner, token=new.token))


def put(shop: Shop, cart: Cart, product: Product, quantity: int, caller: CartCaller = GUEST) -> int:
    return shop.carts.set_line(a_request(), cart.id, caller, product.id, quantity, shop.clock.now()).value


def hold(shop: Shop, cart: Cart, duration: timedelta = MINUTE, caller: CartCaller = GUEST) -> int:
    return shop.carts.hold(a_request(), cart.id, caller, duration, shop.clock.now()).value


def change(shop: Shop, cart: Cart, caller: CartCaller = GUEST, **values: Any) -> int:
    changes = CartChange(**values)
    return cart_update(shop=shop, request=a_request(), caller=caller, id=cart.id, change=changes).value.version


def checked_out(shop: Shop, cart: Cart, caller: CartCaller = GUEST) -> Purchase:
    now = shop.clock.now()
    return shop.checkouts.check_out(a_request(), shop.ids.new(now), cart.id, caller, now).value


def a_ready_cart(shop: Shop, product: Product, quantity: int, token: str = "") -> tuple[Cart, CartCaller]:
    """A guest's cart that can be bought, and its caller: each has a token of its own."""
    token = token or f"digest {next(_tokens)}"
    caller = CartCaller(token=token)
    cart = a_cart(shop, token=token)
    put(shop, cart, product, quantity, caller)
    change(shop, cart, caller, email=EMAIL)
    return cart, caller
