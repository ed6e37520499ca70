"""Purchases that are not paid: how many a customer may have, and what becomes of those that stay so."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import chain
from threading import Barrier

import pytest

from shop.domain.batches import NotDue
from shop.domain.errors import InvalidTransition, TooManyOpenPurchases
from shop.domain.events import EventQuery, EventType
from shop.domain.movements import MovementKind
from shop.domain.purchases import GUEST_RETENTION, SYSTEM, PurchaseQuery, Status
from shop.services.expiry import MAX_PER_BATCH, overdue_s, purchases_expire
from shop.services.guest_erasure import guests_forget
from shop.services.payments import PaymentOrder, payment_begin, payment_cancel
from shop.services.purchases import purchase_cancel, purchase_pay
from tests.cart_samples import ADDRESS, EMAIL, a_ready_cart, change, checked_out
from tests.contract.conftest import shop_on_redis
from tests.fakes import PAY_WITHIN, fake_shop
from tests.samples import a_request, again, as_staff, in_catalogue, placed, registered, units

LIMIT = 3
#: Purchases that one look for overdue ones does not get past.
MORE_THAN_A_LOOK = 210
TTL = timedelta(hours=24)


@pytest.fixture(params=["fake", "redis"])
def limited(request):
    """A shop whose customers may have LIMIT open purchases."""
    if request.param == "fake":
        yield fake_shop(max_open_purchases=LIMIT)
        return
    with shop_on_redis(request.getfixturevalue("redis_stack"), max_open_purchases=LIMIT) as shop:
        yield shop


def bought_by_guest(shop, product, email=EMAIL):
    cart, caller = a_ready_cart(shop, product, 1)
    change(shop, cart, caller, email=email)
    return checked_out(shop, cart, caller)


def expire(shop):
    return purchases_expire(shop=shop, ttl=TTL, pause=lambda: None)


def open_purchases(shop, buyer=None):
    return shop.purchases.page(PurchaseQuery(user=buyer, status=Status.PLACED), 100, None).results


def test_purchases_of_the_past_are_placed_however_many_are_open(limited):
    apple = in_catalogue(limited, stock=10)
    for _ in range(LIMIT + 2):
        cart, caller = a_ready_cart(limited, apple, 1)
        now = limited.clock.now()
        request, id, at = a_request(), limited.ids.new(now), now - timedelta(days=300)
        bought = limited.checkouts.check_out(request, id, cart.id, caller, at, timedelta(days=301)).value
        assert (bought.created_at, bought.pay_by > now) == (at, True)
    assert len(open_purchases(limited)) == LIMIT + 2


def test_a_customer_has_no_more_open_purchases_than_the_limit(limited):
    ada, apple = registered(limited), in_catalogue(limited, stock=10)
    for _ in range(LIMIT):
        placed(limited, ada.id, units(apple, 1))
    with pytest.raises(TooManyOpenPurchases) as refused:
        placed(limited, ada.id, units(apple, 1))
    assert refused.value.limit == LIMIT
    assert limited.products.get(apple.id).stock == 10 - LIMIT
    assert placed(limited, registered(limited).id, units(apple, 1)).status is Status.PLACED


def test_a_guest_has_no_more_open_purchases_than_the_limit_with_however_many_carts(limited):
    apple, staff = in_catalogue(limited, stock=10), as_staff(limited)
    bought = [bought_by_guest(limited, apple, email) for email in (EMAIL, EMAIL.upper(), EMAIL)]
    for _ in range(2):
        with pytest.raises(TooManyOpenPurchases) as refused:
            bought_by_guest(limited, apple)
    assert refused.value.limit == LIMIT == len(bought)
    assert limited.products.get(apple.id).stock == 10 - LIMIT
    assert bought_by_guest(limited, apple, "other@example.com").status is Status.PLACED
    for purchase, step in zip(bought, (purchase_pay, purchase_cancel), strict=False):
        step(shop=limited, request=a_request(), caller=staff, id=purchase.id)
        assert bought_by_guest(limited, apple).status is Status.PLACED
        with pytest.raises(TooManyOpenPurchases):
            bought_by_guest(limited, apple)


def test_a_guests_purchases_that_expired_are_not_open(limited):
    apple = in_catalogue(limited, stock=10)
    for _ in range(LIMIT):
        bought_by_guest(limited, apple)
    past_pay_by(limited)
    assert len(expire(limited).expired) == LIMIT
    assert bought_by_guest(limited, apple).status is Status.PLACED


def test_of_many_carts_of_a_guest_at_once_as_many_are_bought_as_the_limit_says(limited):
    apple, together = in_catalogue(limited, stock=100), Barrier(8)
    carts = [a_ready_cart(limited, apple, 1) for _ in range(8)]

    def buy(cart):
        together.wait()
        try:
            return checked_out(limited, *cart).status
        except TooManyOpenPurchases:
            return None

    with ThreadPoolExecutor(8) as threads:
        heard = list(threads.map(buy, carts))
    assert heard.count(Status.PLACED) == LIMIT
    assert limited.products.get(apple.id).stock == 100 - LIMIT


@pytest.mark.parametrize("step", [purchase_pay, purchase_cancel])
def test_a_purchase_that_is_paid_or_cancelled_makes_room_for_another(limited, step):
    ada, apple, staff = registered(limited), in_catalogue(limited, stock=10), as_staff(limited)
    bought = [placed(limited, ada.id, units(apple, 1)) for _ in range(LIMIT)]
    step(shop=limited, request=a_request(), caller=staff, id=bought[0].id)
    placed(limited, ada.id, units(apple, 1))
    with pytest.raises(TooManyOpenPurchases):
        placed(limited, ada.id, units(apple, 1))


def test_of_many_purchases_at_once_as_many_are_placed_as_the_limit_says(limited):
    ada, apple, together = registered(limited), in_catalogue(limited, stock=100), Barrier(8)

    def buy(_):
        together.wait()
        try:
            return placed(limited, ada.id, units(apple, 1)).status
        except TooManyOpenPurchases:
            return None

    with ThreadPoolExecutor(8) as threads:
        heard = list(threads.map(buy, range(8)))
    assert heard.count(Status.PLACED) == LIMIT == len(open_purchases(limited, ada.id))
    assert limited.products.get(apple.id).stock == 100 - LIMIT


def test_a_repeat_of_a_placed_purchase_is_answered_though_the_limit_is_reached(limited):
    ada, apple, request = registered(limited), in_catalogue(limited, stock=10), a_request()
    now = limited.clock.now()
    place = partial(limited.purchases.place, id=limited.ids.new(now), user=ada.id, lines=[units(apple, 1)], at=now)
    first = place(request)
    for _ in range(LIMIT - 1):
        placed(limited, ada.id, units(apple, 1))
    assert place(again(request)) == first


def test_an_overdue_purchase_is_cancelled_by_the_shop_and_its_units_return(shop):
    ada, apple = registered(shop), in_catalogue(shop, stock=10)
    bought = placed(shop, ada.id, units(apple, 4))
    assert expire(shop).expired == []
    shop.clock.advance(TTL)
    assert [purchase.id for purchase in expire(shop).expired] == [bought.id]
    found = shop.purchases.get(bought.id, ada.id)
    assert (found.status, found.history[-1].by, found.version) == (Status.CANCELLED, SYSTEM, 2)
    assert shop.products.get(apple.id).stock == 10
    assert expire(shop).expired == []


def test_a_paid_purchase_does_not_expire(shop):
    ada, apple, staff = registered(shop), in_catalogue(shop, stock=10), as_staff(shop)
    bought = placed(shop, ada.id, units(apple, 4))
    purchase_pay(shop=shop, request=a_request(), caller=staff, id=bought.id)
    shop.clock.advance(TTL)
    assert expire(shop).expired == []
    (heard,) = shop.purchases.expire_all([(a_request(), bought.id)], shop.clock.now())
    assert isinstance(heard, InvalidTransition)
    assert shop.products.get(apple.id).stock == 6


def test_processes_that_expire_at_once_cancel_each_purchase_once(shop):
    ada, apple, together = registered(shop), in_catalogue(shop, stock=50), Barrier(4)
    bought = [placed(shop, ada.id, units(apple, 1)) for _ in range(2 * MAX_PER_BATCH + 1)]
    shop.clock.advance(TTL)

    def pursue(_):
        together.wait()
        return [purchase.id for purchase in expire(shop).expired]

    with ThreadPoolExecutor(4) as threads:
        expired = [*chain(*threads.map(pursue, range(4)))]
    assert sorted(expired) == sorted(purchase.id for purchase in bought)
    assert shop.products.get(apple.id).stock == 50
    assert open_purchases(shop) == []


def test_a_purchase_of_an_erased_buyer_expires_too(shop):
    ada, apple = registered(shop), in_catalogue(shop, stock=10)
    bought = placed(shop, ada.id, units(apple, 4))
    shop.users.delete(a_request(), ada.id, None)
    shop.clock.advance(TTL)
    assert [purchase.id for purchase in expire(shop).expired] == [bought.id]
    assert shop.purchases.get(bought.id, None).user is None
    assert shop.products.get(apple.id).stock == 10


def test_how_long_the_earliest_purchase_is_overdue_is_known(shop):
    assert overdue_s(shop=shop, ttl=TTL) == 0
    placed(shop, registered(shop).id, units(in_catalogue(shop), 1))
    assert overdue_s(shop=shop, ttl=TTL) == 0
    shop.clock.advance(TTL + timedelta(seconds=60))
    assert 60 <= overdue_s(shop=shop, ttl=TTL) < 61


def test_purchases_that_have_gone_a_path_at_once_are_not_open(shop):
    ada, apple, now = registered(shop), in_catalogue(shop, stock=10), shop.clock.now()
    path = (Status.PLACED, Status.PAID)
    (done,) = shop.purchases.place_all([(a_request(), shop.ids.new(now), ada.id, [units(apple, 1)], now)], path)
    assert (done.value.status, done.value.version) == (Status.PAID, 2)
    assert [event.status for event in done.value.history] == list(path)
    assert open_purchases(shop) == []


def checked_out_by_guests(shop, product, count):
    """Purchases that must be paid by an instant of their own."""
    return [checked_out(shop, *a_ready_cart(shop, product, 1)) for _ in range(count)]


def past_pay_by(shop):
    shop.clock.advance(PAY_WITHIN + timedelta(seconds=1))


def test_a_purchase_expires_once_the_instant_by_which_it_must_be_paid_has_passed(shop):
    apple = in_catalogue(shop, stock=10)
    (bought,) = checked_out_by_guests(shop, apple, 1)
    # The clock of the store judges, and no API's or worker's that is ahead.
    ahead = shop.clock.now() + PAY_WITHIN + timedelta(hours=1)
    (early,) = shop.purchases.expire_all([(a_request(), bought.id)], ahead)
    assert isinstance(early, NotDue)
    assert expire(shop).expired == []
    assert shop.products.get(apple.id).stock == 9
    past_pay_by(shop)
    assert [purchase.id for purchase in expire(shop).expired] == [bought.id]
    found = shop.purchases.get(bought.id, None)
    assert (found.status, found.history[-1].by, found.version) == (Status.EXPIRED, SYSTEM, 2)
    movement = shop.products.movements(apple.id, 1, None).results[0]
    assert (movement.kind, movement.quantity, movement.by) == (MovementKind.EXPIRED, 1, SYSTEM)
    *_, event = shop.events.page(EventQuery(), 100, None).results
    assert (event.type, event.object) == (EventType.PURCHASE_EXPIRED, bought.id)
    assert expire(shop).expired == []
    assert shop.products.get(apple.id).stock == 10


def test_where_none_is_overdue_by_age_those_expire_alone_that_name_an_instant(shop):
    apple = in_catalogue(shop, stock=10)
    plain = placed(shop, registered(shop).id, units(apple, 1))
    (bought,) = checked_out_by_guests(shop, apple, 1)
    shop.clock.advance(TTL)
    done = purchases_expire(shop=shop, ttl=timedelta(0), pause=lambda: None)
    assert [purchase.id for purchase in done.expired] == [bought.id]
    assert [purchase.id for purchase in expire(shop).expired] == [plain.id]


def test_purchases_that_may_still_be_paid_hold_up_none_that_is_overdue(shop):
    apple, ada = in_catalogue(shop, stock=100), registered(shop)
    plain = placed(shop, ada.id, units(apple, 1))
    checked_out_by_guests(shop, apple, 2 * MAX_PER_BATCH)
    now = shop.clock.now()
    assert shop.purchases.unpaid(now, MAX_PER_BATCH).ids == [plain.id]


class Failing:
    """Purchases of a store whose script fails at some of them, behind what it has done with others of the batch."""

    def __init__(self, purchases, failing):
        self._purchases, self._failing = purchases, failing

    def __getattr__(self, name):
        return getattr(self._purchases, name)

    def expire_all(self, purchases, at):
        results = self._purchases.expire_all([each for each in purchases if each[1] not in self._failing], at)
        if len(results) < len(purchases):
            raise KeyError("a field that is not there")
        return results


def test_purchases_that_cannot_be_ended_hold_up_none_of_the_others(shop):
    bought = checked_out_by_guests(shop, in_catalogue(shop, stock=100), MAX_PER_BATCH + 3)
    plain = placed(shop, registered(shop).id, units(in_catalogue(shop, stock=1), 1))
    # The first of all among them, and as many as a batch has.
    failing, sound = [bought[0], *bought[2 : MAX_PER_BATCH + 1]], [bought[1], *bought[MAX_PER_BATCH + 1 :], plain]
    broken = replace(shop, purchases=Failing(shop.purchases, {each.id for each in failing}))
    shop.clock.advance(TTL)
    done = purchases_expire(shop=broken, ttl=TTL, pause=lambda: None)
    assert sorted(done.failures) == sorted(each.id for each in failing)
    assert sorted(each.id for each in done.expired) == sorted(each.id for each in sound)
    assert done.is_complete
    assert sorted(each.id for each in open_purchases(shop)) == sorted(done.failures)


@pytest.fixture
def real(redis_stack):
    with shop_on_redis(redis_stack) as shop:
        yield shop


def damaged(shop, *commands):
    """Make what the store has of products as no script makes it."""
    store = shop.purchases._store
    store.cluster.nodes[store.cluster.topology.refresh().primary].run(*commands, timeout=5)


@pytest.mark.parametrize("field", ["stock", "number"])
def test_a_product_whose_record_lacks_a_field_doubles_no_units_of_others_and_holds_no_purchase_up(real, field):
    apple, pear = in_catalogue(real, stock=10), in_catalogue(real, stock=10)
    bought = placed(real, registered(real).id, units(apple, 1), units(pear, 2))
    real.clock.advance(TTL)
    damaged(real, ("HDEL", real.purchases._keys.product(pear.id), field))
    assert [each.id for each in expire(real).expired] == [bought.id]
    assert expire(real).expired == []
    assert real.products.get(apple.id).stock == 10
    assert [each.quantity for each in real.products.movements(apple.id, 10, None).results] == [1, -1, 10]


def test_a_script_that_fails_behind_some_lines_brings_no_unit_back_twice(real):
    apple, pear = in_catalogue(real, stock=10), in_catalogue(real, stock=10)
    bought = placed(real, registered(real).id, units(apple, 1), units(pear, 2))
    real.clock.advance(TTL)
    movements = real.purchases._keys.movements(pear.id)
    damaged(real, ("DEL", movements), ("SET", movements, "no stream"))
    assert list(expire(real).failures) == [bought.id]
    expire(real)
    assert real.products.get(apple.id).stock == 10


def test_how_long_a_purchase_is_overdue_is_known_by_its_own_instant(shop):
    (bought,) = checked_out_by_guests(shop, in_catalogue(shop, stock=10), 1)
    assert overdue_s(shop=shop, ttl=TTL) == 0
    shop.clock.advance(PAY_WITHIN + timedelta(seconds=60))
    assert 60 <= overdue_s(shop=shop, ttl=timedelta(0)) < 61
    purchase_pay(shop=shop, request=a_request(), caller=as_staff(shop), id=bought.id)
    assert overdue_s(shop=shop, ttl=TTL) == 0


def authorized(shop, purchase):
    """An authorized payment of the purchase."""
    order = PaymentOrder(provider="fake", method="tok_ok", return_url="", is_captured_later=True)
    return payment_begin(shop=shop, request=a_request(), caller=None, purchase=purchase.id, order=order).value


def test_a_purchase_whose_payment_is_authorized_is_not_overdue(shop):
    apple, ada = in_catalogue(shop, stock=10), registered(shop)
    bought = [*checked_out_by_guests(shop, apple, 1), placed(shop, ada.id, units(apple, 1))]
    payments = [authorized(shop, purchase) for purchase in bought]
    shop.clock.advance(TTL + timedelta(seconds=60))
    assert overdue_s(shop=shop, ttl=TTL) == 0
    payment_cancel(shop=shop, request=a_request(), id=payments[1].id)
    assert 60 <= overdue_s(shop=shop, ttl=TTL) < 61
    payment_cancel(shop=shop, request=a_request(), id=payments[0].id)
    assert overdue_s(shop=shop, ttl=TTL) > 3600


def test_however_many_old_purchases_are_authorized_hold_up_none_that_is_overdue(shop, monkeypatch):
    monkeypatch.setattr("shop.services.expiry.MAX_BATCHES_PER_ROUND", 1)
    apple, ada, now = in_catalogue(shop, stock=1000), registered(shop), shop.clock.now()
    many = [(a_request(), shop.ids.new(now), ada.id, [units(apple, 1)], now) for _ in range(MORE_THAN_A_LOOK)]
    waiting = [result.value for result in shop.purchases.place_all(many)]
    overdue = placed(shop, ada.id, units(apple, 1))
    shop.clock.advance(TTL)
    for purchase in waiting:
        authorized(shop, purchase)
    shop.purchases.expire_all([(a_request(), purchase.id) for purchase in waiting], shop.clock.now())
    expired, start = [], ""
    for _ in range(2):
        done = purchases_expire(shop=shop, ttl=TTL, pause=lambda: None, start=start)
        expired, start = [*expired, *done.expired], done.next_start
    assert [purchase.id for purchase in expired] == [overdue.id]


def forget(shop):
    return guests_forget(shop=shop, pause=lambda: None)


@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_a_guest_whose_purchase_ended_unpaid_is_forgotten_after_a_week(shop, end):
    apple = in_catalogue(shop, stock=10)
    cart, caller = a_ready_cart(shop, apple, 1)
    change(shop, cart, caller, shipping_address=ADDRESS)
    bought, (other,) = checked_out(shop, cart, caller), checked_out_by_guests(shop, apple, 1)
    purchase_pay(shop=shop, request=a_request(), caller=as_staff(shop), id=other.id)
    if end == "expired":
        past_pay_by(shop)
        expire(shop)
    else:
        purchase_cancel(shop=shop, request=a_request(), caller=as_staff(shop), id=bought.id)
    shop.clock.advance(GUEST_RETENTION - timedelta(minutes=1))
    assert not forget(shop)
    found = shop.purchases.get(bought.id, None)
    assert (found.status, found.email, found.shipping_address) == (Status(end), EMAIL, ADDRESS)
    shop.clock.advance(timedelta(minutes=1))
    assert shop.purchases.has_guests_to_forget(shop.clock.now())
    assert not forget(shop)
    assert not shop.purchases.has_guests_to_forget(shop.clock.now())
    found = shop.purchases.get(bought.id, None)
    assert (found.status, found.email, found.shipping_address, found.version) == (Status(end), "", None, 2)
    assert shop.checkouts.guest_purchase(bought.id, caller.token) == found
    assert shop.purchases.get(other.id, None).email == EMAIL


def test_guests_are_forgotten_in_bounded_steps(shop, monkeypatch):
    monkeypatch.setattr("shop.services.guest_erasure.MAX_PER_STEP", 2)
    monkeypatch.setattr("shop.services.guest_erasure.MAX_STEPS", 2)
    checked_out_by_guests(shop, in_catalogue(shop, stock=10), 5)
    past_pay_by(shop)
    bought = expire(shop).expired
    shop.clock.advance(GUEST_RETENTION)
    left = []
    for _ in range(2):
        is_more = forget(shop)
        left.append((is_more, sum(bool(shop.purchases.get(each.id, None).email) for each in bought)))
    assert left == [(True, 1), (False, 0)]


@pytest.mark.parametrize(("step", "status"), [(purchase_pay, Status.PAID), (purchase_cancel, Status.CANCELLED)])
def test_of_an_expiry_and_another_step_at_once_one_counts(shop, step, status):
    apple, staff = in_catalogue(shop, stock=40), as_staff(shop)
    bought = checked_out_by_guests(shop, apple, 20)
    past_pay_by(shop)
    together = Barrier(4)

    def end(_):
        together.wait()
        expire(shop)

    def move(half):
        together.wait()
        for purchase in bought[half::2]:
            try:
                step(shop=shop, request=a_request(), caller=staff, id=purchase.id)
            except InvalidTransition as refused:
                assert refused.source is Status.EXPIRED

    with ThreadPoolExecutor(4) as threads:
        threads_done = [threads.submit(deed, half) for half in range(2) for deed in (end, move)]
        for each in threads_done:
            each.result()
    found = [shop.purchases.get(purchase.id, None) for purchase in bought]
    assert {purchase.status for purchase in found} <= {status, Status.EXPIRED}
    assert {purchase.version for purchase in found} == {2}
    paid = sum(purchase.status is Status.PAID for purchase in found)
    assert shop.products.get(apple.id).stock == 40 - paid
    shop.clock.advance(TTL)
    assert shop.purchases.unpaid(shop.clock.now(), 1).ids == []
