"""Units that carts hold for a while: what is available is the stock without what others hold."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from shop.domain.cart_errors import CartNotReady
from shop.domain.carts import CartCaller
from shop.domain.errors import InsufficientStock, Shortage
from tests.cart_samples import GUEST, MINUTE, a_cart, a_ready_cart, checked_out, hold, put
from tests.samples import a_request, in_catalogue, placed, registered, units

#: A hold that a test waits for the end of.
SHORT = timedelta(milliseconds=150)
#: One that a test can read before it ends.
LONG_ENOUGH_TO_READ = timedelta(milliseconds=500)
#: Carts and buyers that race, and units that they race for.
RACERS, STOCK = 12, 5


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=10)


@pytest.fixture
def cart(shop):
    return a_cart(shop)


@pytest.fixture
def ada(shop):
    return registered(shop)


def available(shop, cart, caller=GUEST):
    (only,) = shop.carts.get(cart.id, caller).lines
    return only.available


def wait_for_the_end(shop, cart, caller=GUEST):
    """Until the hold of the cart has ended, by the clock that ends it."""
    while shop.carts.get(cart.id, caller).hold_ends_at is not None:
        time.sleep(0.005)


def test_held_units_are_not_sold_to_others(shop, cart, apple, ada):
    put(shop, cart, apple, 8)
    hold(shop, cart)
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


def test_all_lines_are_held_or_none(shop, cart, apple, ada):
    pear = in_catalogue(shop, sku="PEAR", stock=1)
    put(shop, cart, apple, 10)
    put(shop, cart, pear, 2)
    with pytest.raises(InsufficientStock) as refused:
        hold(shop, cart)
    assert refused.value.shortages == (Shortage(product=pear.id, requested=2, available=1),)
    assert placed(shop, ada.id, units(apple, 10))


def test_two_carts_cannot_hold_one_unit(shop, cart, apple):
    other = a_cart(shop)
    put(shop, cart, apple, 6)
    put(shop, other, apple, 6)
    hold(shop, cart)
    with pytest.raises(InsufficientStock):
        hold(shop, other)
    assert available(shop, other) == 4
    assert available(shop, cart) == 10


def test_the_hold_of_a_cart_never_stands_in_its_own_way(shop, cart, apple):
    put(shop, cart, apple, 10)
    hold(shop, cart)
    assert hold(shop, cart, 2 * MINUTE)
    assert shop.carts.get(cart.id, GUEST).hold_ends_at is not None
    assert available(shop, cart) == 10


def test_a_hold_is_not_extended_beyond_its_longest_time_and_taken_anew_after_it(shop, cart, apple, monkeypatch):
    for module in ("shop.repositories.carts", "tests.fakes.carts"):
        monkeypatch.setattr(f"{module}.MAX_HOLD", 2 * MINUTE)
    put(shop, cart, apple, 10)
    hold(shop, cart, MINUTE)
    briefly = shop.carts.get(cart.id, GUEST).hold_ends_at
    time.sleep(0.01)
    hold(shop, cart, 2 * MINUTE)
    longest = shop.carts.get(cart.id, GUEST).hold_ends_at
    assert briefly < longest < briefly + MINUTE + timedelta(milliseconds=1)
    time.sleep(0.01)
    hold(shop, cart, 2 * MINUTE)
    assert shop.carts.get(cart.id, GUEST).hold_ends_at == longest
    shop.carts.release(a_request(), cart.id, GUEST, shop.clock.now())
    hold(shop, cart, 2 * MINUTE)
    assert shop.carts.get(cart.id, GUEST).hold_ends_at > longest


def test_a_hold_ends_at_its_time_without_anything_that_sweeps(shop, cart, apple, ada):
    put(shop, cart, apple, 10)
    hold(shop, cart, SHORT)
    with pytest.raises(InsufficientStock):
        placed(shop, ada.id, units(apple, 1))
    wait_for_the_end(shop, cart)
    assert placed(shop, ada.id, units(apple, 10))


def bought_after_the_end(shop, ada):
    """How long after the end of a hold its unit was bought, by a customer who asks again and again."""
    apple, cart = in_catalogue(shop, stock=1), a_cart(shop)
    put(shop, cart, apple, 1)
    hold(shop, cart, LONG_ENOUGH_TO_READ)
    ends_at = shop.carts.get(cart.id, GUEST).hold_ends_at
    while True:
        asked_at = datetime.now(UTC)
        try:
            placed(shop, ada.id, units(apple, 1))
        except InsufficientStock:
            # Here the store has the clock of the test: from that millisecond on nothing is refused.
            assert asked_at < ends_at
        else:
            return shop.products.movements(apple.id, 1, None).results[0].at - ends_at


def test_a_hold_gives_its_units_back_at_its_millisecond_under_load(shop, ada):
    pear, ended = in_catalogue(shop, stock=10**6), Event()

    def load(number):
        cart, caller = a_ready_cart(shop, pear, 1)
        while not ended.is_set():
            hold(shop, cart, SHORT, caller)
            placed(shop, ada.id, units(pear, 1))
            shop.carts.release(a_request(), cart.id, caller, shop.clock.now())

    with ThreadPoolExecutor(3) as threads:
        loads = [threads.submit(load, number) for number in range(3)]
        try:
            # A machine that stalls may be late: of some buyers one is in time.
            late = [bought_after_the_end(shop, ada) for _ in range(5)]
        finally:
            ended.set()
        for each in loads:
            each.result()
    # The store counts in whole milliseconds.
    assert timedelta(milliseconds=-1) < min(late) <= timedelta(milliseconds=50)
    assert shop.products.get(pear.id).stock >= 0


def test_a_hold_that_has_ended_is_not_renewed_over_anothers(shop, cart, apple):
    put(shop, cart, apple, 10)
    hold(shop, cart, SHORT)
    wait_for_the_end(shop, cart)
    other = a_cart(shop)
    put(shop, other, apple, 1)
    hold(shop, other)
    with pytest.raises(InsufficientStock):
        hold(shop, cart)
    assert available(shop, cart) == 9


def test_a_hold_that_has_ended_is_taken_anew_where_the_units_are_there(shop, cart, apple):
    put(shop, cart, apple, 10)
    hold(shop, cart, SHORT)
    wait_for_the_end(shop, cart)
    hold(shop, cart)
    assert shop.carts.get(cart.id, GUEST).hold_ends_at is not None
    with pytest.raises(InsufficientStock):
        shop.products.adjust_stock(a_request(), apple.id, -1, None)


def test_another_line_ends_the_hold(shop, cart, apple, ada):
    put(shop, cart, apple, 9)
    hold(shop, cart)
    put(shop, cart, apple, 10)
    assert shop.carts.get(cart.id, GUEST).hold_ends_at is None
    assert placed(shop, ada.id, units(apple, 10))


def test_a_released_hold_gives_its_units_back_once(shop, cart, apple, ada):
    put(shop, cart, apple, 10)
    hold(shop, cart)
    for _ in range(2):
        shop.carts.release(a_request(), cart.id, GUEST, shop.clock.now())
    assert placed(shop, ada.id, units(apple, 10))


def test_a_deleted_cart_holds_nothing(shop, cart, apple, ada):
    put(shop, cart, apple, 10)
    hold(shop, cart)
    shop.carts.delete(a_request(), cart.id, GUEST, shop.clock.now())
    assert placed(shop, ada.id, units(apple, 10))


def test_a_claim_into_another_cart_ends_both_holds(shop, cart, apple, ada):
    caller, own = CartCaller(user=ada.id), a_cart(shop, owner=ada.id)
    put(shop, own, apple, 4, caller)
    hold(shop, own, caller=caller)
    put(shop, cart, apple, 5)
    hold(shop, cart)
    shop.carts.claim(a_request(), cart.id, CartCaller(user=ada.id, token=GUEST.token), shop.clock.now())
    assert placed(shop, ada.id, units(apple, 10))


def test_an_empty_cart_holds_nothing(shop, cart):
    with pytest.raises(CartNotReady) as refused:
        hold(shop, cart)
    assert [code for _, code in refused.value.problems] == ["empty"]


def test_of_carts_that_race_for_units_no_more_hold_them_than_there_are(shop):
    apple = in_catalogue(shop, stock=STOCK)
    racers = [a_ready_cart(shop, apple, 1) for _ in range(RACERS)]

    def held(racer):
        try:
            return hold(shop, racer[0], caller=racer[1])
        except InsufficientStock:
            return 0

    with ThreadPoolExecutor(RACERS) as threads:
        outcomes = list(threads.map(held, racers))
    assert sum(map(bool, outcomes)) == STOCK
    with pytest.raises(InsufficientStock):
        placed(shop, registered(shop).id, units(apple, 1))


def test_carts_with_holds_and_buyers_without_never_sell_more_than_there_is(shop):
    apple = in_catalogue(shop, stock=STOCK)
    racers = [a_ready_cart(shop, apple, 1) for _ in range(RACERS)]
    buyers = [registered(shop) for _ in range(RACERS)]

    def by_cart(racer):
        try:
            hold(shop, racer[0], caller=racer[1])
            return bool(checked_out(shop, *racer))
        except InsufficientStock:
            return False

    def at_once(buyer):
        try:
            return bool(placed(shop, buyer.id, units(apple, 1)))
        except InsufficientStock:
            return False

    with ThreadPoolExecutor(2 * RACERS) as threads:
        carts, purchases = threads.map(by_cart, racers), threads.map(at_once, buyers)
        sold = sum(carts) + sum(purchases)
    assert sold == STOCK
    assert shop.products.get(apple.id).stock == 0


def test_a_cart_that_holds_units_buys_them_however_many_others_race_for_them(shop):
    apple = in_catalogue(shop, stock=STOCK)
    cart, caller = a_ready_cart(shop, apple, STOCK)
    hold(shop, cart, caller=caller)
    others = [a_ready_cart(shop, apple, 1) for _ in range(RACERS)]

    def refused(racer):
        try:
            return not checked_out(shop, *racer)
        except InsufficientStock:
            return True

    with ThreadPoolExecutor(RACERS + 1) as threads:
        bought = threads.submit(checked_out, shop, cart, caller)
        assert all(threads.map(refused, others))
    assert [item.quantity for item in bought.result().items] == [STOCK]


def test_of_carts_whose_holds_have_ended_no_two_take_one_unit_anew(shop):
    apple = in_catalogue(shop, stock=1)
    racers = []
    for _ in range(RACERS):
        cart, caller = a_ready_cart(shop, apple, 1)
        hold(shop, cart, timedelta(milliseconds=20), caller)
        wait_for_the_end(shop, cart, caller)
        racers.append((cart, caller))

    def held(racer):
        try:
            return hold(shop, racer[0], caller=racer[1])
        except InsufficientStock:
            return 0

    with ThreadPoolExecutor(RACERS) as threads:
        assert sum(map(bool, threads.map(held, racers))) == 1
