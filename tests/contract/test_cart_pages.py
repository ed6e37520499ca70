"""Carts as staff see them: lists of users' and guests', and any one of them."""

from datetime import timedelta

import pytest

from shop.domain.carts import CartCaller, CartSummary
from shop.domain.errors import NotFound
from shop.domain.ports import Shop
from shop.domain.products import Product
from tests.cart_samples import ADDRESS, EMAIL, GUEST, a_cart, a_ready_cart, change, checked_out, hold, put
from tests.samples import a_request, in_catalogue, registered

MISSING = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def apple(shop: Shop) -> Product:
    return in_catalogue(shop, sku="APPLE", stock=10)


def of_guests(shop: Shop, size: int = 100) -> list[str]:
    return [cart.id for cart in shop.carts.page(None, size, None).results]


def summary(shop: Shop, id: str) -> CartSummary:
    (found,) = [cart for cart in shop.carts.page(None, 100, None).results if cart.id == id]
    return found


def test_guests_carts_are_listed_with_the_one_that_changed_last_first(shop: Shop, apple: Product):
    first, second = a_cart(shop), a_cart(shop)
    a_cart(shop, owner=registered(shop).id)
    assert of_guests(shop)[:2] == [second.id, first.id]
    put(shop, first, apple, 1)
    assert of_guests(shop)[:2] == [first.id, second.id]


def test_a_users_carts_are_listed_apart(shop: Shop):
    ada, bob = registered(shop).id, registered(shop).id
    guests, own = a_cart(shop), a_cart(shop, owner=ada)
    assert [(cart.id, cart.owner) for cart in shop.carts.page(ada, 10, None).results] == [(own.id, ada)]
    assert shop.carts.page(bob, 10, None).results == []
    assert (guests.id in of_guests(shop), own.id in of_guests(shop)) == (True, False)


def test_pages_follow_each_other_in_both_directions(shop: Shop):
    ada = registered(shop).id
    newest_first = [a_cart(shop, owner=ada).id for _ in range(5)][::-1]
    pages = [shop.carts.page(ada, 2, None)]
    while following := pages[-1].next:
        pages.append(shop.carts.page(ada, 2, following))
    assert [cart.id for page in pages for cart in page.results] == newest_first
    back = shop.carts.page(ada, 2, pages[-1].previous)
    assert [cart.id for cart in back.results] == newest_first[2:4]
    assert pages[0].previous is None


def test_a_summary_counts_lines_whatever_else_a_cart_has(shop: Shop, apple: Product):
    cart = a_cart(shop)
    assert summary(shop, cart.id).lines == 0
    put(shop, cart, apple, 3)
    put(shop, cart, in_catalogue(shop, stock=1), 1)
    change(shop, cart, email=EMAIL, shipping_address=ADDRESS)
    hold(shop, cart)
    found, whole = summary(shop, cart.id), shop.carts.inspect(cart.id)
    assert (found.lines, found.currency, found.voucher, found.purchase) == (2, "EUR", "", None)
    assert (found.hold_ends_at, found.version, found.updated_at) == (
        whole.hold_ends_at,
        whole.version,
        whole.updated_at,
    )


def test_a_hold_that_has_ended_is_none(shop: Shop, apple: Product):
    cart = a_cart(shop)
    put(shop, cart, apple, 1)
    hold(shop, cart, timedelta(milliseconds=1))
    while shop.carts.inspect(cart.id).hold_ends_at:
        continue
    assert summary(shop, cart.id).hold_ends_at is None


def test_a_cart_that_was_bought_names_its_purchase(shop: Shop, apple: Product):
    cart, guest = a_ready_cart(shop, apple, 1)
    purchase = checked_out(shop, cart, guest)
    found = summary(shop, cart.id)
    assert found.purchase == shop.carts.inspect(cart.id).purchase == purchase.id
    assert found.lines == 1


def test_any_cart_is_seen_as_its_owner_sees_it(shop: Shop, apple: Product):
    ada = registered(shop).id
    own, guests = a_cart(shop, owner=ada), a_cart(shop)
    put(shop, guests, apple, 2)
    assert shop.carts.inspect(own.id) == shop.carts.get(own.id, CartCaller(user=ada))
    assert shop.carts.inspect(guests.id) == shop.carts.get(guests.id, GUEST)


def test_a_cart_that_is_not_there_is_not_found(shop: Shop):
    cart = a_cart(shop)
    shop.carts.delete(a_request(), cart.id, GUEST, shop.clock.now())
    for id in (cart.id, MISSING):
        with pytest.raises(NotFound):
            shop.carts.inspect(id)
    assert cart.id not in of_guests(shop)
