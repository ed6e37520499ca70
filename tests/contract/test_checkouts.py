"""Checkouts: a cart becomes a purchase, once, at the prices that it has shown."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shop.domain.cart_errors import CartNotReady, CartPurchased, PriceChange, PriceChanged
from shop.domain.carts import CartCaller
from shop.domain.errors import InsufficientStock, NotFound, Shortage
from shop.domain.events import EventQuery, EventType
from shop.domain.money import Money
from shop.domain.movements import MovementKind
from shop.domain.purchases import Status
from shop.services.carts import guest_caller
from shop.services.purchases import purchase_cancel
from tests.cart_samples import ADDRESS, EMAIL, GUEST, a_cart, a_ready_cart, change, checked_out, hold, put
from tests.fakes import PAY_WITHIN
from tests.samples import a_request, again, in_catalogue, registered

#: Threads that check out one cart.
RACERS = 12


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=10)


@pytest.fixture
def ada(shop):
    return registered(shop)


@pytest.fixture
def cart(shop, apple):
    """A guest's, with three apples."""
    made, _ = a_ready_cart(shop, apple, 3, GUEST.token)
    return made


def check_out(shop, cart, request, caller=GUEST):
    now = shop.clock.now()
    return shop.checkouts.check_out(request, shop.ids.new(now), cart.id, caller, now)


def user_cart(shop, user, product, quantity):
    cart, caller = a_cart(shop, owner=user.id), CartCaller(user=user.id)
    put(shop, cart, product, quantity, caller)
    return cart, caller


def repriced(shop, product, price):
    shop.products.update(a_request(), product.id, lambda p: p.with_changes(at=shop.clock.now(), price=price), None)


def test_a_guests_cart_becomes_a_purchase_with_what_it_has(shop, cart, apple):
    change(shop, cart, shipping_address=ADDRESS)
    purchase = checked_out(shop, cart)
    assert (purchase.user, purchase.status, purchase.cart) == (None, Status.PLACED, cart.id)
    assert (purchase.email, purchase.shipping_address) == (EMAIL, ADDRESS)
    assert [(item.sku, item.quantity) for item in purchase.items] == [("APPLE", 3)]
    assert purchase.total == Money(minor=3 * apple.price.minor, currency="EUR")
    assert shop.products.get(apple.id).stock == 7
    assert shop.carts.get(cart.id, GUEST).purchase == purchase.id


def test_the_instant_by_which_a_purchase_must_be_paid_is_by_the_clock_of_the_store(shop, apple):
    bought = []
    for ahead in (timedelta(0), timedelta(hours=5)):
        cart, caller = a_ready_cart(shop, apple, 1)
        at = shop.clock.now() + ahead
        bought.append(shop.checkouts.check_out(a_request(), shop.ids.new(at), cart.id, caller, at).value)
    assert bought[1].created_at - bought[0].created_at > timedelta(hours=4)
    assert bought[1].pay_by - bought[0].pay_by < PAY_WITHIN
    shop.clock.advance(PAY_WITHIN + timedelta(minutes=1))
    assert shop.purchases.unpaid(None, 10).ids == [each.id for each in bought]


def test_the_purchase_of_a_users_cart_is_among_theirs(shop, apple, ada):
    purchase = checked_out(shop, *user_cart(shop, ada, apple, 1))
    assert purchase.user == ada.id
    assert shop.purchases.get(purchase.id, ada.id) == purchase


def test_a_guest_reads_the_purchase_by_the_token_of_the_cart_alone(shop, cart):
    purchase = checked_out(shop, cart)
    assert shop.checkouts.guest_purchase(purchase.id, GUEST.token) == purchase
    for token in ("", "digest of another token"):
        with pytest.raises(NotFound):
            shop.checkouts.guest_purchase(purchase.id, token)


def test_without_a_token_no_purchase_of_a_user_is_read_as_a_guests(shop, apple, ada):
    purchase = checked_out(shop, *user_cart(shop, ada, apple, 1))
    with pytest.raises(NotFound):
        shop.checkouts.guest_purchase(purchase.id, "")


def test_a_guests_cart_that_a_user_buys_is_the_users_and_so_is_the_purchase(shop, cart, ada):
    purchase = checked_out(shop, cart, CartCaller(user=ada.id, token=GUEST.token))
    assert purchase.user == ada.id
    with pytest.raises(NotFound):
        checked_out(shop, cart)
    with pytest.raises(NotFound):
        shop.checkouts.guest_purchase(purchase.id, GUEST.token)


def test_a_repeat_under_the_same_key_is_answered_with_the_purchase(shop, cart, apple):
    request = a_request()
    first = check_out(shop, cart, request)
    assert check_out(shop, cart, again(request)) == first
    assert shop.products.get(apple.id).stock == 7


def test_a_repeat_under_another_key_is_a_replay_of_the_request_that_bought(shop, cart, apple):
    first = check_out(shop, cart, a_request())
    second = check_out(shop, cart, a_request())
    assert second == first
    assert shop.products.get(apple.id).stock == 7


def test_a_bought_cart_takes_no_further_lines_and_no_hold(shop, cart, apple):
    purchase = checked_out(shop, cart)
    for refused in (lambda: put(shop, cart, apple, 1), lambda: hold(shop, cart), lambda: change(shop, cart, email="")):
        with pytest.raises(CartPurchased) as error:
            refused()
        assert error.value.purchase == purchase.id


def test_a_cart_is_not_bought_at_a_price_that_it_has_not_shown(shop, cart, apple):
    dearer = Money(minor=apple.price.minor + 1, currency="EUR")
    repriced(shop, apple, dearer)
    with pytest.raises(PriceChanged) as refused:
        checked_out(shop, cart)
    assert refused.value.changes == (PriceChange(apple.id, apple.price, dearer),)
    put(shop, cart, apple, 3)
    assert checked_out(shop, cart).total == Money(minor=3 * dearer.minor, currency="EUR")


def test_what_a_cart_lacks_is_named_at_once_and_nothing_is_bought(shop, apple, ada):
    pear = in_catalogue(shop, sku="PEAR")
    cart = a_cart(shop)
    put(shop, cart, apple, 1)
    put(shop, cart, pear, 1)
    shop.products.withdraw(a_request(), pear.id, None)
    with pytest.raises(CartNotReady) as refused:
        checked_out(shop, cart)
    place = sorted([apple.id, pear.id]).index(pear.id)
    assert list(refused.value.problems) == [("/email", "email-missing"), (f"/lines/{place}", "product-gone")]
    assert shop.products.get(apple.id).stock == 10


def test_an_empty_cart_is_not_bought(shop, ada):
    with pytest.raises(CartNotReady) as refused:
        checked_out(shop, a_cart(shop, owner=ada.id), CartCaller(user=ada.id))
    assert list(refused.value.problems) == [("", "empty")]


def test_a_line_whose_currency_has_changed_is_not_bought(shop, cart, apple):
    repriced(shop, apple, Money(minor=apple.price.minor, currency="USD"))
    with pytest.raises(CartNotReady) as refused:
        checked_out(shop, cart)
    assert list(refused.value.problems) == [("/lines/0", "currency-changed")]


def test_every_short_line_is_named_and_nothing_is_bought(shop, cart, apple):
    pear = in_catalogue(shop, sku="PEAR", stock=1)
    put(shop, cart, apple, 11)
    put(shop, cart, pear, 2)
    with pytest.raises(InsufficientStock) as refused:
        checked_out(shop, cart)
    short = {shortage.product: (shortage.requested, shortage.available) for shortage in refused.value.shortages}
    assert short == {apple.id: (11, 10), pear.id: (2, 1)}
    assert (shop.products.get(apple.id).stock, shop.products.get(pear.id).stock) == (10, 1)


def test_the_checkout_takes_the_hold_of_the_cart_and_no_other(shop, cart, apple, ada):
    other, caller = a_ready_cart(shop, apple, 4)
    hold(shop, other, caller=caller)
    hold(shop, cart)
    checked_out(shop, cart)
    with pytest.raises(InsufficientStock) as refused:
        checked_out(shop, *user_cart(shop, ada, apple, 4))
    assert refused.value.shortages == (Shortage(product=apple.id, requested=4, available=3),)
    assert checked_out(shop, other, caller)


def test_the_sale_is_a_movement_and_an_event_of_the_same_write(shop, cart, apple):
    request = a_request()
    purchase = check_out(shop, cart, request).value
    newest = shop.products.movements(apple.id, 1, None).results[0]
    assert (newest.kind, newest.quantity, newest.reference) == (MovementKind.SALE, -3, purchase.id)
    (event,) = shop.events.page(EventQuery(type=EventType.PURCHASE_PLACED), 10, None).results
    assert (event.object, event.request_id) == (purchase.id, request.id)
    assert event.data == {"total": str(purchase.total.minor), "currency": "EUR", "cart": cart.id}


def test_an_erased_buyer_leaves_neither_address_nor_name_on_the_purchase(shop, apple, ada):
    cart, caller = user_cart(shop, ada, apple, 1)
    change(shop, cart, caller, shipping_address=ADDRESS)
    purchase = checked_out(shop, cart, caller)
    shop.users.delete(a_request(), ada.id, None)
    left = shop.purchases.get(purchase.id, None)
    assert (left.user, left.shipping_address, left.email) == (None, None, "")
    assert left.total == purchase.total


def test_a_cancelled_checkout_returns_its_units(shop, apple, ada):
    purchase = checked_out(shop, *user_cart(shop, ada, apple, 4))
    caller = CartCaller(user=ada.id)
    assert shop.products.get(apple.id).stock == 6
    moved = shop.purchases.move(
        a_request(), purchase.id, Status.CANCELLED, by=staff_caller(), restock=True, at=shop.clock.now()
    )
    assert (moved.value.status, moved.value.cart) == (Status.CANCELLED, purchase.cart)
    assert shop.products.get(apple.id).stock == 10
    assert checked_out(shop, shop.carts.get(str(purchase.cart), caller), caller).id == purchase.id


def staff_caller():
    from shop.domain.callers import Caller, Role

    return Caller(id="01900000-0000-7000-8000-000000000001", role=Role.STAFF, token="")


def test_a_cart_is_bought_once_by_requests_that_race_under_keys_of_their_own(shop, cart, apple):
    hold(shop, cart, timedelta(minutes=5))
    requests = [a_request() for _ in range(RACERS)]
    with ThreadPoolExecutor(RACERS) as threads:
        results = list(threads.map(lambda request: check_out(shop, cart, request), requests))
    assert len({result.value.id for result in results}) == 1
    assert len({result.origin_request_id for result in results}) == 1
    assert shop.products.get(apple.id).stock == 7


def test_lines_that_change_while_a_cart_is_bought_are_in_the_purchase_or_refused(shop, cart, apple):
    def changed(quantity):
        try:
            return put(shop, cart, apple, quantity)
        except CartPurchased:
            return None

    with ThreadPoolExecutor(RACERS) as threads:
        bought = threads.submit(checked_out, shop, cart)
        list(threads.map(changed, range(1, 10)))
    (item,) = bought.result().items
    (line,) = shop.carts.get(cart.id, GUEST).lines
    assert item.quantity == line.quantity
    assert shop.products.get(apple.id).stock == 10 - item.quantity


def test_a_cart_that_is_claimed_and_bought_at_once_is_bought_once(shop, cart, apple, ada):
    caller = CartCaller(user=ada.id, token=GUEST.token)

    def attempt(place):
        try:
            if place % 2:
                return shop.carts.claim(a_request(), cart.id, caller, shop.clock.now()) and None
            return checked_out(shop, cart, caller if place % 4 else GUEST).id
        except (CartPurchased, NotFound):
            return None

    with ThreadPoolExecutor(RACERS) as threads:
        bought = {id for id in threads.map(attempt, range(RACERS)) if id}
    bought.add(checked_out(shop, cart, caller).id)
    assert len(bought) == 1
    assert shop.products.get(apple.id).stock == 7


def test_a_guest_cancels_a_purchase_and_the_history_names_no_one(shop, apple):
    cart, guest = a_ready_cart(shop, apple, 2)
    purchase = checked_out(shop, cart, guest)
    with pytest.raises(NotFound):
        guest_caller(shop=shop, token="digest of another token", purchase=purchase.id)
    caller = guest_caller(shop=shop, token=guest.token, purchase=purchase.id)
    cancelled = purchase_cancel(shop=shop, request=a_request(), caller=caller, id=purchase.id).value
    assert (cancelled.status, [event.by for event in cancelled.history]) == (Status.CANCELLED, [None, None])
    assert shop.products.get(apple.id).stock == 10
