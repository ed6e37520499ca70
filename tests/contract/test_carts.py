"""Carts, and units that they hold for a while."""

import time
from datetime import timedelta

import pytest

from shop.domain.carts import MAX_CARTS, Cart, CartCaller, CartProblem
from shop.domain.errors import CartEmpty, CurrencyMismatch, InsufficientStock, NotFound, Shortage, UnknownProduct
from shop.domain.money import Money
from tests.samples import a_request, in_catalogue, placed, registered, units

NOTHING = "01900000-0000-7000-8000-000000000000"
GUEST = CartCaller(token="a digest")
MINUTE, SHORT = timedelta(minutes=1), timedelta(milliseconds=200)


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=10)


@pytest.fixture
def cart(shop):
    return a_cart(shop)


def a_cart(shop, owner=None, token=GUEST.token):
    now = shop.clock.now()
    cart = Cart(
        id=shop.ids.new(now),
        owner=owner,
        currency="EUR",
        lines=[],
        email="",
        hold_ends_at=None,
        purchase=None,
        created_at=now,
        updated_at=now,
        version=1,
    )
    shop.carts.create(a_request(), cart, token if owner is None else "")
    return cart


def put(shop, cart, product, quantity, caller=GUEST):
    return shop.carts.set_line(a_request(), cart.id, caller, product.id, quantity, shop.clock.now()).value


def hold(shop, cart, duration=MINUTE, caller=GUEST):
    return shop.carts.hold(a_request(), cart.id, caller, duration, shop.clock.now()).value


def line(shop, cart, caller=GUEST):
    (only,) = shop.carts.get(cart.id, caller).lines
    return only


def test_a_new_cart_is_read_as_it_was_written(shop, cart):
    assert shop.carts.get(cart.id, GUEST) == cart
    assert [problem for _, problem in cart.problems()] == [CartProblem.EMPTY]


def test_a_line_has_what_the_product_is_now(shop, cart, apple):
    assert put(shop, cart, apple, 2) == 2
    found = line(shop, cart)
    assert (found.product, found.quantity, found.sku, found.available) == (apple.id, 2, "APPLE", 10)
    assert found.unit_price == found.seen_price == apple.price
    assert shop.carts.get(cart.id, GUEST).items_total == Money(minor=2 * apple.price.minor, currency="EUR")


def test_a_line_is_replaced_and_taken_out(shop, cart, apple):
    put(shop, cart, apple, 2)
    put(shop, cart, apple, 5)
    assert line(shop, cart).quantity == 5
    put(shop, cart, apple, 0)
    assert shop.carts.get(cart.id, GUEST).lines == []


def test_a_price_that_has_changed_is_a_problem_until_the_line_is_put_again(shop, cart, apple):
    put(shop, cart, apple, 1)
    dearer = Money(minor=apple.price.minor + 100, currency="EUR")
    shop.products.update(a_request(), apple.id, lambda p: p.with_changes(at=shop.clock.now(), price=dearer), None)
    assert (line(shop, cart).problem, line(shop, cart).unit_price) == (CartProblem.PRICE_CHANGED, dearer)
    put(shop, cart, apple, 1)
    assert line(shop, cart).problem is None


def test_a_withdrawn_product_is_a_problem_and_no_error(shop, cart, apple):
    put(shop, cart, apple, 1)
    shop.products.withdraw(a_request(), apple.id, None)
    assert line(shop, cart).problem is CartProblem.PRODUCT_GONE


def test_a_stock_that_does_not_suffice_is_a_problem_and_no_error(shop, cart, apple):
    put(shop, cart, apple, 11)
    assert line(shop, cart).problem is CartProblem.INSUFFICIENT_STOCK


def test_what_is_not_sold_or_in_another_currency_cannot_be_put_into_a_cart(shop, cart):
    pear = in_catalogue(shop, price=Money(minor=100, currency="USD"))
    with pytest.raises(CurrencyMismatch):
        put(shop, cart, pear, 1)
    with pytest.raises(UnknownProduct):
        shop.carts.set_line(a_request(), cart.id, GUEST, NOTHING, 1, shop.clock.now())


def test_a_cart_is_nobody_elses(shop, apple):
    ada = registered(shop)
    own, guests = a_cart(shop, owner=ada.id), a_cart(shop)
    for cart, caller in ((own, GUEST), (own, CartCaller()), (guests, CartCaller(user=ada.id)), (guests, CartCaller())):
        with pytest.raises(NotFound):
            shop.carts.get(cart.id, caller)
        with pytest.raises(NotFound):
            put(shop, cart, apple, 1, caller)
    assert shop.carts.get(own.id, CartCaller(user=ada.id)).owner == ada.id


def test_a_user_has_so_many_carts(shop):
    ada = registered(shop)
    carts = [a_cart(shop, owner=ada.id) for _ in range(MAX_CARTS + 1)]
    with pytest.raises(NotFound):
        shop.carts.get(carts[0].id, CartCaller(user=ada.id))
    assert shop.carts.get(carts[-1].id, CartCaller(user=ada.id))


def test_a_deleted_cart_is_gone_with_its_hold(shop, cart, apple):
    put(shop, cart, apple, 10)
    hold(shop, cart)
    shop.carts.delete(a_request(), cart.id, GUEST)
    with pytest.raises(NotFound):
        shop.carts.get(cart.id, GUEST)
    assert placed(shop, registered(shop).id, units(apple, 10))


def test_held_units_are_not_sold_to_others(shop, cart, apple):
    put(shop, cart, apple, 8)
    hold(shop, cart)
    ada = registered(shop)
    with pytest.raises(InsufficientStock) as refused:
        placed(shop, ada.id, units(apple, 3))
    assert [(s.requested, s.available) for s in refused.value.shortages] == [(3, 2)]
    assert placed(shop, ada.id, units(apple, 2))


def test_held_units_are_not_adjusted_away(shop, cart, apple):
    put(shop, cart, apple, 8)
    hold(shop, cart)
    with pytest.raises(InsufficientStock):
        shop.products.adjust_stock(a_request(), apple.id, -3, None)
    assert shop.products.adjust_stock(a_request(), apple.id, -2, None).value == 8


def test_all_lines_are_held_or_none(shop, cart, apple):
    pear = in_catalogue(shop, sku="PEAR", stock=1)
    put(shop, cart, apple, 10)
    put(shop, cart, pear, 2)
    with pytest.raises(InsufficientStock) as refused:
        hold(shop, cart)
    assert refused.value.shortages == (Shortage(product=pear.id, requested=2, available=1),)
    assert placed(shop, registered(shop).id, units(apple, 10))


def test_two_carts_cannot_hold_one_unit(shop, cart, apple):
    other = a_cart(shop)
    put(shop, cart, apple, 6)
    put(shop, other, apple, 6)
    hold(shop, cart)
    with pytest.raises(InsufficientStock):
        hold(shop, other)
    assert line(shop, other).available == 4
    assert line(shop, cart).available == 10


def test_a_hold_of_ones_own_never_stands_in_the_way(shop, cart, apple):
    put(shop, cart, apple, 10)
    hold(shop, cart)
    assert hold(shop, cart, 2 * MINUTE)
    assert shop.carts.get(cart.id, GUEST).hold_ends_at is not None


def test_a_hold_ends_at_its_time_without_anything_that_sweeps(shop, cart, apple):
    put(shop, cart, apple, 10)
    hold(shop, cart, SHORT)
    ada = registered(shop)
    with pytest.raises(InsufficientStock):
        placed(shop, ada.id, units(apple, 1))
    time.sleep(SHORT.total_seconds() + 0.01)
    assert placed(shop, ada.id, units(apple, 10))
    assert shop.carts.get(cart.id, GUEST).hold_ends_at is None


def test_a_hold_that_has_ended_is_not_renewed_over_anothers(shop, cart, apple):
    put(shop, cart, apple, 10)
    hold(shop, cart, SHORT)
    time.sleep(SHORT.total_seconds() + 0.01)
    other = a_cart(shop)
    put(shop, other, apple, 1)
    hold(shop, other)
    with pytest.raises(InsufficientStock):
        hold(shop, cart)


def test_another_line_ends_the_hold(shop, cart, apple):
    put(shop, cart, apple, 9)
    hold(shop, cart)
    put(shop, cart, apple, 10)
    assert shop.carts.get(cart.id, GUEST).hold_ends_at is None
    assert placed(shop, registered(shop).id, units(apple, 10))


def test_a_released_hold_gives_its_units_back(shop, cart, apple):
    put(shop, cart, apple, 10)
    hold(shop, cart)
    shop.carts.release(a_request(), cart.id, GUEST, shop.clock.now())
    assert placed(shop, registered(shop).id, units(apple, 10))


def test_an_empty_cart_holds_nothing(shop, cart):
    with pytest.raises(CartEmpty):
        hold(shop, cart)


def test_a_repeat_puts_nothing_again(shop, cart, apple):
    request = a_request()
    versions = [shop.carts.set_line(request, cart.id, GUEST, apple.id, 1, shop.clock.now()).value for _ in range(2)]
    assert versions == [2, 2]
