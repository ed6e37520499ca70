"""Carts: what a user or a guest is about to buy."""

import time
from contextlib import suppress
from datetime import timedelta

import pytest

from shop.domain.cart_errors import CurrencyMismatch, TooManyLines, UnknownShippingMethod
from shop.domain.carts import EMPTY_LIFETIME, LIFETIME, MAX_CARTS, MAX_LINES, CartCaller, CartProblem
from shop.domain.errors import NotFound, UnknownProduct
from shop.domain.events import EventQuery, EventType
from shop.domain.money import Money
from tests.cart_samples import ADDRESS, EMAIL, GUEST, a_cart, a_new_cart, change, hold, put
from tests.contract.conftest import shop_on_redis
from tests.samples import a_request, again, in_catalogue, registered

MISSING = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=10)


@pytest.fixture
def cart(shop):
    return a_cart(shop)


def line(shop, cart, caller=GUEST):
    (only,) = shop.carts.get(cart.id, caller).lines
    return only


def claim(shop, cart, user):
    caller = CartCaller(user=user.id, token=GUEST.token)
    return shop.carts.claim(a_request(), cart.id, caller, shop.clock.now()).value


def wait_until_it_is_gone(shop, cart):
    with suppress(NotFound):
        for _ in range(1000):
            shop.carts.get(cart.id, GUEST)
            time.sleep(0.01)
    with pytest.raises(NotFound):
        shop.carts.get(cart.id, GUEST)


def test_a_new_cart_is_empty_and_its_guests_alone(shop, cart):
    assert (cart.owner, cart.currency, cart.lines, cart.version) == (None, "EUR", [], 1)
    assert [problem for _, problem in cart.problems()] == [CartProblem.EMPTY, CartProblem.EMAIL_MISSING]


def test_a_repeated_creation_gets_the_first_cart_and_its_token(shop):
    request, first, second = a_request(), a_new_cart(shop, token="one"), a_new_cart(shop, token="two")
    made = shop.carts.create(request, first, shop.clock.now())
    assert shop.carts.create(again(request), second, shop.clock.now()) == made
    assert (made.value.id, made.value.sealed_token) == (first.id, "sealed one")


def test_an_erased_user_gets_no_cart(shop):
    with pytest.raises(NotFound):
        shop.carts.create(a_request(), a_new_cart(shop, owner=MISSING), shop.clock.now())


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


def test_a_currency_that_has_changed_is_a_problem_and_no_part_of_the_total(shop, cart, apple):
    put(shop, cart, apple, 1)
    dollars = Money(minor=apple.price.minor, currency="USD")
    shop.products.update(a_request(), apple.id, lambda p: p.with_changes(at=shop.clock.now(), price=dollars), None)
    assert line(shop, cart).problem is CartProblem.CURRENCY_CHANGED
    assert shop.carts.get(cart.id, GUEST).items_total == Money(minor=0, currency="EUR")


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
        shop.carts.set_line(a_request(), cart.id, GUEST, MISSING, 1, shop.clock.now())


def test_a_cart_has_no_more_lines_than_a_purchase(shop, cart):
    products = [in_catalogue(shop) for _ in range(MAX_LINES + 1)]
    for product in products[:MAX_LINES]:
        put(shop, cart, product, 1)
    with pytest.raises(TooManyLines):
        put(shop, cart, products[-1], 1)
    assert put(shop, cart, products[0], 2)


def test_a_cart_is_for_its_owner_or_the_holder_of_its_token_alone(shop, apple):
    ada = registered(shop)
    own, guests = a_cart(shop, owner=ada.id), a_cart(shop)
    for cart, caller in ((own, GUEST), (own, CartCaller()), (guests, CartCaller(user=ada.id)), (guests, CartCaller())):
        with pytest.raises(NotFound):
            shop.carts.get(cart.id, caller)
        with pytest.raises(NotFound):
            put(shop, cart, apple, 1, caller)
    assert shop.carts.get(own.id, CartCaller(user=ada.id)).owner == ada.id


def test_the_cart_that_was_changed_longest_ago_makes_room(shop, apple):
    ada = registered(shop)
    caller = CartCaller(user=ada.id)
    carts = [a_cart(shop, owner=ada.id) for _ in range(MAX_CARTS)]
    put(shop, carts[0], apple, 1, caller)
    a_cart(shop, owner=ada.id)
    with pytest.raises(NotFound):
        shop.carts.get(carts[1].id, caller)
    assert shop.carts.get(carts[0].id, caller).lines


def test_the_guests_cart_that_was_changed_longest_ago_makes_room(shop, apple, monkeypatch):
    for module in ("shop.repositories.carts", "tests.fakes.carts"):
        monkeypatch.setattr(f"{module}.MAX_GUEST_CARTS", 3)
    of_ada, carts = a_cart(shop, owner=registered(shop).id), [a_cart(shop) for _ in range(3)]
    put(shop, carts[0], apple, 1)
    latest = a_cart(shop)
    with pytest.raises(NotFound):
        shop.carts.get(carts[1].id, GUEST)
    for cart in (carts[0], carts[2], latest):
        assert shop.carts.get(cart.id, GUEST)
    assert shop.carts.get(of_ada.id, CartCaller(user=of_ada.owner))


def test_a_guests_cart_that_is_claimed_or_deleted_leaves_its_room_to_others(shop, apple, monkeypatch):
    for module in ("shop.repositories.carts", "tests.fakes.carts"):
        monkeypatch.setattr(f"{module}.MAX_GUEST_CARTS", 2)
    ada, lasting = registered(shop), a_cart(shop)
    claim(shop, a_cart(shop), ada)
    claim(shop, a_cart(shop), ada)
    shop.carts.delete(a_request(), a_cart(shop).id, GUEST, shop.clock.now())
    a_cart(shop)
    assert shop.carts.get(lasting.id, GUEST)


def test_a_guests_cart_that_makes_room_gives_its_held_units_back_and_is_an_event(shop, apple, monkeypatch):
    for module in ("shop.repositories.carts", "tests.fakes.carts"):
        monkeypatch.setattr(f"{module}.MAX_GUEST_CARTS", 2)
    of_ada, held = a_cart(shop, owner=registered(shop).id), a_cart(shop)
    caller = CartCaller(user=of_ada.owner)
    put(shop, of_ada, apple, 1, caller)
    put(shop, held, apple, 1)
    hold(shop, held)
    before = line(shop, of_ada, caller).available
    for _ in range(2):
        a_cart(shop)
    assert line(shop, of_ada, caller).available == before + 1
    page = shop.events.page(EventQuery(), 100, None).results
    deleted = [(event.object, event.data) for event in page if event.type is EventType.CART_DELETED]
    assert deleted == [(held.id, {"is_purchased": False})]


def test_a_clock_that_is_behind_does_not_end_the_guests_cart_that_is_changed(shop, apple, monkeypatch):
    for module in ("shop.repositories.carts", "tests.fakes.carts"):
        monkeypatch.setattr(f"{module}.MAX_GUEST_CARTS", 2)
    behind = shop.clock.now() - timedelta(hours=1)
    first, second = a_cart(shop), a_cart(shop)
    new = a_new_cart(shop)
    shop.carts.create(a_request(), new, behind)
    version = shop.carts.set_line(a_request(), new.id, GUEST, apple.id, 1, behind).value
    found = shop.carts.get(new.id, GUEST)
    assert (found.version, len(found.lines)) == (version, 1)
    assert shop.carts.get(second.id, GUEST)
    with pytest.raises(NotFound):
        shop.carts.get(first.id, GUEST)


def test_a_guests_cart_without_lines_is_stored_for_a_day(shop, cart, apple):
    assert cart.expires_at - cart.updated_at == EMPTY_LIFETIME
    put(shop, cart, apple, 1)
    found = shop.carts.get(cart.id, GUEST)
    assert found.expires_at - found.updated_at == LIFETIME
    of_ada = a_cart(shop, owner=registered(shop).id)
    assert of_ada.expires_at - of_ada.updated_at == LIFETIME


def test_the_store_drops_a_guests_cart_without_lines_and_none_with_lines(redis_stack, monkeypatch):
    monkeypatch.setattr("shop.repositories.carts.EMPTY_LIFETIME", timedelta(milliseconds=200))
    with shop_on_redis(redis_stack) as shop:
        apple, filled, emptied = in_catalogue(shop, stock=10), a_cart(shop), a_cart(shop)
        for cart in (filled, emptied):
            put(shop, cart, apple, 1)
        of_ada = a_cart(shop, owner=registered(shop).id)
        put(shop, emptied, apple, 0)
        wait_until_it_is_gone(shop, emptied)
        assert shop.carts.get(filled.id, GUEST).lines
        assert shop.carts.get(of_ada.id, CartCaller(user=of_ada.owner))


def test_a_cart_that_makes_room_gives_its_held_units_back_and_is_an_event(shop, apple):
    ada = registered(shop)
    caller = CartCaller(user=ada.id)
    carts = [a_cart(shop, owner=ada.id) for _ in range(MAX_CARTS)]
    for cart in carts:
        put(shop, cart, apple, 1, caller)
        hold(shop, cart, caller=caller)
    other = a_cart(shop)
    put(shop, other, apple, 1)
    before = shop.carts.get(other.id, GUEST).lines[0].available
    a_cart(shop, owner=ada.id)
    assert shop.carts.get(other.id, GUEST).lines[0].available == before + 1
    page = shop.events.page(EventQuery(), 100, None).results
    deleted = [(event.object, event.data) for event in page if event.type is EventType.CART_DELETED]
    assert deleted == [(carts[0].id, {"is_purchased": False})]


def test_a_clock_that_is_behind_does_not_end_the_cart_that_is_changed(shop, apple):
    ada, behind = registered(shop), shop.clock.now() - timedelta(hours=1)
    caller = CartCaller(user=ada.id)
    for _ in range(MAX_CARTS):
        a_cart(shop, owner=ada.id)
    new = a_new_cart(shop, owner=ada.id)
    shop.carts.create(a_request(), new, behind)
    version = shop.carts.set_line(a_request(), new.id, caller, apple.id, 1, behind).value
    found = shop.carts.get(new.id, caller)
    assert (found.version, len(found.lines)) == (version, 1)
    assert shop.carts.ids(ada.id)[0] == new.id


def test_the_carts_of_a_user_are_listed_by_their_last_change(shop, apple):
    ada = registered(shop)
    first, second = a_cart(shop, owner=ada.id), a_cart(shop, owner=ada.id)
    a_cart(shop)
    put(shop, first, apple, 1, CartCaller(user=ada.id))
    assert list(shop.carts.ids(ada.id)) == [first.id, second.id]


def test_email_address_and_shipping_method_are_set_and_taken_away(shop, cart):
    change(shop, cart, email=EMAIL, shipping_address=ADDRESS)
    found = shop.carts.get(cart.id, GUEST)
    assert (found.email, found.shipping_address, found.version) == (EMAIL, ADDRESS, 2)
    change(shop, cart, email="", without_address=True)
    found = shop.carts.get(cart.id, GUEST)
    assert (found.email, found.shipping_address) == ("", None)


def test_a_shipping_method_that_is_not_offered_is_refused(shop, cart):
    with pytest.raises(UnknownShippingMethod):
        change(shop, cart, shipping_method="by-pigeon")
    assert shop.carts.get(cart.id, GUEST).shipping_method == ""


def test_a_deleted_cart_is_gone(shop, cart):
    shop.carts.delete(a_request(), cart.id, GUEST, shop.clock.now())
    with pytest.raises(NotFound):
        shop.carts.get(cart.id, GUEST)


def test_a_guests_cart_becomes_the_users_and_its_token_ends(shop, cart, apple):
    ada = registered(shop)
    put(shop, cart, apple, 2)
    assert claim(shop, cart, ada) == cart.id
    assert line(shop, cart, CartCaller(user=ada.id)).quantity == 2
    with pytest.raises(NotFound):
        shop.carts.get(cart.id, GUEST)


def test_a_guests_cart_goes_into_the_open_one_by_summing_lines(shop, cart, apple):
    ada, pear = registered(shop), in_catalogue(shop, sku="PEAR")
    caller = CartCaller(user=ada.id)
    own = a_cart(shop, owner=ada.id)
    put(shop, own, apple, 1, caller)
    put(shop, cart, apple, 2)
    put(shop, cart, pear, 3)
    change(shop, cart, shipping_address=ADDRESS)
    assert claim(shop, cart, ada) == own.id
    merged = shop.carts.get(own.id, caller)
    assert {line.sku: line.quantity for line in merged.lines} == {"APPLE": 3, "PEAR": 3}
    assert merged.shipping_address == ADDRESS
    with pytest.raises(NotFound):
        shop.carts.get(cart.id, GUEST)


def test_a_cart_in_another_currency_is_not_merged_into(shop, cart):
    ada = registered(shop)
    a_cart(shop, owner=ada.id, currency="USD")
    assert claim(shop, cart, ada) == cart.id


def test_a_claim_that_would_make_too_many_lines_changes_nothing(shop, cart, apple):
    ada = registered(shop)
    caller, own = CartCaller(user=ada.id), a_cart(shop, owner=ada.id)
    for product in [in_catalogue(shop) for _ in range(MAX_LINES)]:
        put(shop, own, product, 1, caller)
    put(shop, cart, apple, 1)
    with pytest.raises(TooManyLines):
        claim(shop, cart, ada)
    assert line(shop, cart).quantity == 1
    assert len(shop.carts.get(own.id, caller).lines) == MAX_LINES


def test_without_the_token_a_guests_cart_cannot_be_claimed(shop, cart):
    ada = registered(shop)
    with pytest.raises(NotFound):
        shop.carts.claim(a_request(), cart.id, CartCaller(user=ada.id), shop.clock.now())
    assert shop.carts.get(cart.id, GUEST).owner is None


def test_the_carts_of_an_erased_user_are_gone(shop, apple):
    ada = registered(shop)
    caller, cart = CartCaller(user=ada.id), a_cart(shop, owner=ada.id)
    put(shop, cart, apple, 1, caller)
    change(shop, cart, caller, shipping_address=ADDRESS)
    shop.users.delete(a_request(), ada.id, None)
    with pytest.raises(NotFound):
        shop.carts.get(cart.id, caller)


def test_a_repeat_changes_nothing_again(shop, cart, apple):
    request = a_request()
    versions = [shop.carts.set_line(request, cart.id, GUEST, apple.id, 1, shop.clock.now()).value for _ in range(2)]
    assert versions == [2, 2]


def test_every_change_of_a_cart_is_an_event_with_nothing_personal(shop, cart, apple):
    ada = registered(shop)
    put(shop, cart, apple, 2)
    change(shop, cart, email=EMAIL, shipping_address=ADDRESS)
    hold(shop, cart)
    shop.carts.release(a_request(), cart.id, GUEST, shop.clock.now())
    claim(shop, cart, ada)
    shop.carts.delete(a_request(), cart.id, CartCaller(user=ada.id), shop.clock.now())
    events = [event for event in shop.events.page(EventQuery(), 100, None).results if event.object == cart.id]
    assert [event.type for event in events] == [
        EventType.CART_CREATED,
        EventType.CART_UPDATED,
        EventType.CART_UPDATED,
        EventType.CART_HELD,
        EventType.CART_RELEASED,
        EventType.CART_CLAIMED,
        EventType.CART_DELETED,
    ]
    assert [event.data for event in events[1:3]] == [
        {"product": apple.id, "quantity": 2},
        {"fields": "email shipping_address"},
    ]
