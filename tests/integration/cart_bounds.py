"""Scenes of carts at their bounds, for the test that counts what scripts cost."""

from collections.abc import Mapping

import pytest

from shop.domain.cart_errors import TooManyHolds
from shop.domain.carts import MAX_CARTS, MAX_HOLDS, MAX_LINES, CartCaller
from shop.domain.errors import InsufficientStock
from shop.domain.pages import MAX_PAGE_SIZE
from shop.domain.ports import Shop
from tests.cart_samples import ADDRESS, EMAIL, GUEST, MINUTE, a_cart, change, checked_out, hold, put
from tests.counted_store import TIMEOUT_S, CountedStore
from tests.samples import a_request, in_catalogue, placed, registered, units

#: Commands of write.lua and journal.lua around a script, a refusal included.
_WRITE = 15
#: The fields of a full cart, what it costs to list it, where two others make room with their holds, and what each
#: change of it costs: its hold dropped, its list and its expiry.
_FIELDS, _LISTING = 2 * (MAX_LINES + 16), 7 + 2 * (5 + 2 * MAX_LINES)
_CHANGE = 10 + 2 * MAX_LINES + _LISTING

#: Ended holds that a read of a cart looks at, of all lines together. cart_get.lua has the same figure.
MAX_READ_HOLDS = 2 * MAX_HOLDS

#: Of each script: commands, and elements of replies.
CART_COSTS: Mapping[str, tuple[int, int]] = {
    "cart_create": (_WRITE + 4 + _LISTING, 24),
    "cart_get": (6 + 3 * MAX_LINES, 2 * _FIELDS + 7 * MAX_LINES + MAX_READ_HOLDS),
    "cart_page": (2 + 2 * (MAX_PAGE_SIZE + 1), 21 * (MAX_PAGE_SIZE + 1)),
    "cart_set_line": (_WRITE + 6 + _CHANGE, _FIELDS + 20),
    "cart_update": (_WRITE + 8 + _CHANGE, _FIELDS + 20),
    "cart_hold": (_WRITE + 4 + _CHANGE + 8 * MAX_LINES, _FIELDS + MAX_LINES * (3 + MAX_HOLDS) + 20),
    "cart_release": (_WRITE + 4 + _CHANGE, _FIELDS + 20),
    "cart_delete": (_WRITE + 6 + _CHANGE, _FIELDS + 20),
    "cart_claim": (_WRITE + 12 + MAX_CARTS * 2 + 2 * _CHANGE, (2 + MAX_CARTS) * _FIELDS + 40),
    "cart_checkout": (_WRITE + 27 + _CHANGE + 20 * MAX_LINES, 2 * _FIELDS + MAX_LINES * (120 + MAX_HOLDS) + 60),
}
_LONG_AGO_MS, _FAR_AHEAD_MS = 1, 4_000_000_000_000


def with_holds(store: CountedStore, product: str, ends_at_ms: int) -> None:
    """Lets as many carts as may hold one unit each of the product, until then."""
    members = [part for number in range(MAX_HOLDS) for part in (ends_at_ms, f"cart-{number}:1")]
    key = store.keys.product(product)
    store.node.run(
        ("ZADD", store.keys.holds(product), *members), ("HINCRBY", key, "held", MAX_HOLDS), timeout=TIMEOUT_S
    )


def carts_of_as_many_lines_and_holds_as_there_may_be(store: CountedStore, shop: Shop) -> None:
    """Every hold of a hundred products has ended before anything looks: the next script drops them all."""
    products = [in_catalogue(shop, stock=MAX_HOLDS + 1) for _ in range(MAX_LINES)]
    ada, cart = registered(shop), a_cart(shop)
    for product in products:
        put(shop, cart, product, 1)
    change(shop, cart, email=EMAIL, shipping_address=ADDRESS)
    for drop_all in (
        lambda: hold(shop, cart),
        lambda: hold(shop, cart, 2 * MINUTE),
        lambda: checked_out(shop, cart),
        lambda: placed(shop, ada.id, *(units(product, 1) for product in products)),
    ):
        for product in products:
            with_holds(store, product.id, _LONG_AGO_MS)
        # Of the first two products all holds are seen to have ended.
        assert [line.available > 1 for line in shop.carts.get(cart.id, GUEST).lines].count(True) == 2
        assert drop_all()
    assert checked_out(shop, cart).cart == cart.id


def carts_that_are_claimed_released_and_deleted(store: CountedStore, shop: Shop) -> None:
    ada = registered(shop)
    caller = CartCaller(user=ada.id, token=GUEST.token)
    products = [in_catalogue(shop, stock=5) for _ in range(MAX_LINES)]
    for _ in range(MAX_PAGE_SIZE + 1):
        a_cart(shop)
    assert len(shop.carts.page(None, MAX_PAGE_SIZE, None).results) == MAX_PAGE_SIZE
    for _ in range(MAX_CARTS + 1):
        a_cart(shop, owner=ada.id)
    own, guests = a_cart(shop, owner=ada.id), a_cart(shop)
    for cart, who in ((own, caller), (guests, GUEST)):
        for product in products:
            put(shop, cart, product, 1, who)
        hold(shop, cart, caller=who)
    assert shop.carts.claim(a_request(), guests.id, caller, shop.clock.now()).value == own.id
    hold(shop, own, caller=caller)
    shop.carts.release(a_request(), own.id, caller, shop.clock.now())
    hold(shop, own, caller=caller)
    shop.carts.delete(a_request(), own.id, caller, shop.clock.now())


def products_that_as_many_carts_hold_as_may(store: CountedStore, shop: Shop) -> None:
    product, cart = in_catalogue(shop, stock=2 * MAX_HOLDS), a_cart(shop)
    put(shop, cart, product, 1)
    with_holds(store, product.id, _FAR_AHEAD_MS)
    with pytest.raises(TooManyHolds):
        hold(shop, cart)
    with pytest.raises(InsufficientStock):
        shop.products.adjust_stock(a_request(), product.id, -MAX_HOLDS - 1, None)
