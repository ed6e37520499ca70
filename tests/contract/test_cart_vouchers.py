"""Vouchers and shipping in carts and purchases: what they cost, how often a voucher is redeemed, and its return."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.cart_errors import CartNotReady, UnknownShippingMethod
from shop.domain.carts import CartCaller, CartProblem
from shop.domain.errors import NotFound, Refusal
from shop.domain.events import EventQuery, EventType
from shop.domain.purchases import Status
from shop.domain.voucher_errors import VoucherExhausted, VoucherNotApplicable
from shop.domain.vouchers import VoucherKind, VoucherObstacle
from shop.repositories.purchases import MAX_TOTAL_MINOR
from tests.cart_samples import ADDRESS, GUEST, a_cart, a_ready_cart, change, checked_out, put
from tests.fakes import PAY_WITHIN
from tests.samples import a_request, again, euros, in_catalogue, issued, offered, registered

STAFF = Caller(id="a-member-of-staff", role=Role.STAFF, token="t")
#: Threads that redeem one voucher.
RACERS = 12


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=1_000, price=euros("10.00"))


@pytest.fixture
def cart(shop, apple):
    """A guest's, with three apples: 30.00."""
    made, _ = a_ready_cart(shop, apple, 3, GUEST.token)
    return made


def put_voucher(shop, cart, voucher, caller=GUEST):
    return shop.carts.set_voucher(a_request(), cart.id, caller, voucher.code, shop.clock.now()).value


def read(shop, cart, caller=GUEST):
    return shop.carts.get(cart.id, caller)


def amounts(totals):
    return [money.minor for money in (totals.items, totals.discount, totals.shipping, totals.total)]


def redeemed(shop, voucher):
    return shop.vouchers.get(voucher.code).redeemed


def moved(shop, purchase, target, request=None):
    request = request or a_request()
    restock = target is Status.CANCELLED
    return shop.purchases.move(request, purchase.id, target, by=STAFF, restock=restock, at=shop.clock.now()).value


def expire(shop, purchase):
    shop.clock.advance(PAY_WITHIN + timedelta(seconds=1))
    (outcome,) = shop.purchases.expire_all([(a_request(), purchase.id)], shop.clock.now())
    return outcome


def edit(shop, voucher, **changes):
    shop.vouchers.update(a_request(), voucher.code, lambda v: v.with_changes(at=shop.clock.now(), **changes), None)


def user_cart(shop, user, product, voucher):
    """A cart of the user with one unit and the voucher, and its caller."""
    cart, caller = a_cart(shop, owner=user.id), CartCaller(user=user.id)
    put(shop, cart, product, 1, caller)
    put_voucher(shop, cart, voucher, caller)
    return cart, caller


def events_of(shop, voucher):
    events = shop.events.page(EventQuery(), 100, None).results
    return [event.type for event in events if event.object == voucher.code][1:]


@pytest.mark.parametrize(
    ("terms", "totals"),
    [
        ({"kind": VoucherKind.PERCENT, "value": 1_250}, [3_000, 375, 490, 3_115]),
        ({"kind": VoucherKind.AMOUNT, "value": 500, "currency": "EUR"}, [3_000, 500, 490, 2_990]),
        ({"kind": VoucherKind.AMOUNT, "value": 99_999, "currency": "EUR"}, [3_000, 3_000, 490, 490]),
        ({"kind": VoucherKind.SHIPPING, "value": 0}, [3_000, 490, 490, 3_000]),
    ],
    ids=["percent", "amount", "more than there is", "shipping"],
)
def test_a_cart_and_its_purchase_cost_the_same(shop, cart, terms, totals):
    voucher, method = issued(shop, **terms), offered(shop, price=euros("4.90"))
    put_voucher(shop, cart, voucher)
    change(shop, cart, shipping_method=method.code, shipping_address=ADDRESS)
    shown = read(shop, cart)
    assert amounts(shown.totals) == totals
    assert list(shown.problems()) == []
    purchase = checked_out(shop, cart)
    assert amounts(purchase.totals) == totals
    assert (purchase.total.minor, purchase.voucher, purchase.shipping_method) == (totals[-1], voucher.code, method.code)
    assert redeemed(shop, voucher) == 1


def test_a_purchase_without_voucher_and_shipping_costs_its_items(shop, cart):
    assert amounts(checked_out(shop, cart).totals) == [3_000, 0, 0, 3_000]


def test_a_voucher_is_taken_out(shop, cart):
    voucher = issued(shop)
    put_voucher(shop, cart, voucher)
    shop.carts.set_voucher(a_request(), cart.id, GUEST, "", shop.clock.now())
    assert read(shop, cart).voucher is None
    assert checked_out(shop, cart).voucher == ""
    assert redeemed(shop, voucher) == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"is_paused": True}, VoucherObstacle.PAUSED),
        ({"limit": 1, "redeemed": 1}, VoucherObstacle.EXHAUSTED),
        ({"currency": "USD"}, VoucherObstacle.OTHER_CURRENCY),
        ({"currency": "EUR", "minimum": 3_001}, VoucherObstacle.BELOW_MINIMUM),
    ],
    ids=lambda value: str(value) if isinstance(value, VoucherObstacle) else "",
)
def test_a_voucher_that_does_not_apply_is_not_put(shop, cart, changes, reason):
    voucher = issued(shop, **changes)
    with pytest.raises(VoucherNotApplicable) as refused:
        put_voucher(shop, cart, voucher)
    assert refused.value.reason == reason
    assert read(shop, cart).voucher is None


def test_an_unknown_voucher_is_not_put(shop, cart):
    with pytest.raises(VoucherNotApplicable) as refused:
        shop.carts.set_voucher(a_request(), cart.id, GUEST, "NOTHING", shop.clock.now())
    assert refused.value.reason == VoucherObstacle.UNKNOWN


def test_a_voucher_applies_within_its_time_by_the_clock_of_the_store(shop, cart):
    years = timedelta(days=36_500)
    past, future = shop.clock.now() - years, shop.clock.now() + years
    put_voucher(shop, cart, issued(shop, starts_at=past, ends_at=future))
    for times, reason in (({"ends_at": past}, VoucherObstacle.ENDED), ({"starts_at": future}, "not-started")):
        with pytest.raises(VoucherNotApplicable) as refused:
            put_voucher(shop, cart, issued(shop, **times))
        assert refused.value.reason == reason


def test_a_voucher_is_put_into_no_cart_of_another(shop, cart):
    with pytest.raises(NotFound):
        put_voucher(shop, cart, issued(shop), CartCaller(token="another digest"))


@pytest.mark.parametrize(
    "changes",
    [{"is_paused": True}, {"value": 500}, {"minimum": 9_000, "currency": "EUR"}],
    ids=["paused", "changed", "below the minimum"],
)
def test_a_voucher_that_applies_no_more_stands_between_the_cart_and_its_purchase(shop, cart, changes):
    voucher = issued(shop)
    put_voucher(shop, cart, voucher)
    edit(shop, voucher, **changes)
    shown = read(shop, cart)
    assert list(shown.problems()) == [("/voucher", CartProblem.VOUCHER_NOT_APPLICABLE)]
    assert amounts(shown.totals) == [3_000, 0, 0, 3_000]
    with pytest.raises(CartNotReady) as refused:
        checked_out(shop, cart)
    assert refused.value.problems == (("/voucher", CartProblem.VOUCHER_NOT_APPLICABLE),)
    assert redeemed(shop, voucher) == 0


def test_a_buyer_pays_what_the_cart_has_shown_or_puts_the_voucher_again(shop, cart):
    voucher = issued(shop, value=1_000)
    put_voucher(shop, cart, voucher)
    edit(shop, voucher, value=2_000)
    with pytest.raises(CartNotReady):
        checked_out(shop, cart)
    put_voucher(shop, cart, voucher)
    assert amounts(checked_out(shop, cart).totals) == [3_000, 600, 0, 2_400]


def test_a_voucher_that_others_have_exhausted_is_not_redeemed(shop, cart, apple):
    voucher = issued(shop, limit=1)
    put_voucher(shop, cart, voucher)
    other = registered(shop)
    checked_out(shop, *user_cart(shop, other, apple, voucher))
    with pytest.raises(VoucherExhausted) as refused:
        checked_out(shop, cart)
    assert refused.value.reason == VoucherObstacle.EXHAUSTED
    assert redeemed(shop, voucher) == 1
    assert read(shop, cart).purchase is None


def test_a_user_redeems_a_voucher_once_where_it_says_so(shop, apple):
    voucher, ada, bob = issued(shop, limit_per_customer=1), registered(shop), registered(shop)
    first = user_cart(shop, ada, apple, voucher)
    second = user_cart(shop, ada, apple, voucher)
    checked_out(shop, *first)
    with pytest.raises(VoucherExhausted) as refused:
        checked_out(shop, *second)
    assert refused.value.reason == VoucherObstacle.EXHAUSTED_FOR_CUSTOMER
    assert checked_out(shop, *user_cart(shop, bob, apple, voucher)).voucher == voucher.code
    with pytest.raises(VoucherNotApplicable):
        user_cart(shop, ada, apple, voucher)


def test_a_guest_is_known_by_the_address_whatever_its_spelling(shop, apple):
    voucher = issued(shop, limit_per_customer=1)
    carts = [a_ready_cart(shop, apple, 1) for _ in range(2)]
    for (cart, caller), email in zip(carts, ("Grace@Example.com", "grace@example.com"), strict=True):
        put_voucher(shop, cart, voucher, caller)
        change(shop, cart, caller, email=email)
    checked_out(shop, *carts[0])
    with pytest.raises(VoucherExhausted):
        checked_out(shop, *carts[1])
    change(shop, *carts[1], email="hopper@example.com")
    assert checked_out(shop, *carts[1]).voucher == voucher.code


def test_a_cancelled_purchase_gives_its_voucher_back_once(shop, apple):
    voucher, ada = issued(shop, limit=1, limit_per_customer=1), registered(shop)
    purchase = checked_out(shop, *user_cart(shop, ada, apple, voucher))
    request = a_request()
    moved(shop, purchase, Status.CANCELLED, request)
    moved(shop, purchase, Status.CANCELLED, again(request))
    with pytest.raises(Refusal):
        moved(shop, purchase, Status.CANCELLED)
    assert redeemed(shop, voucher) == 0
    assert checked_out(shop, *user_cart(shop, ada, apple, voucher)).voucher == voucher.code
    assert events_of(shop, voucher) == [
        EventType.VOUCHER_REDEEMED,
        EventType.VOUCHER_RETURNED,
        EventType.VOUCHER_REDEEMED,
    ]


def test_an_expired_purchase_gives_its_voucher_back_once(shop, apple):
    voucher, ada = issued(shop, limit=1), registered(shop)
    purchase = checked_out(shop, *user_cart(shop, ada, apple, voucher))
    expire(shop, purchase)
    expire(shop, purchase)
    assert redeemed(shop, voucher) == 0
    assert shop.purchases.get(purchase.id, ada.id).status is Status.EXPIRED


def test_a_refunded_purchase_has_redeemed_its_voucher(shop, apple):
    voucher, ada = issued(shop), registered(shop)
    purchase = checked_out(shop, *user_cart(shop, ada, apple, voucher))
    for status in (Status.PAID, Status.REFUNDED):
        moved(shop, purchase, status)
    assert redeemed(shop, voucher) == 1


def test_another_voucher_of_the_same_code_gets_nothing_back(shop, apple):
    voucher, ada = issued(shop), registered(shop)
    purchase = checked_out(shop, *user_cart(shop, ada, apple, voucher))
    shop.vouchers.delete(a_request(), voucher.code, None)
    other = issued(shop, code=voucher.code)
    checked_out(shop, *user_cart(shop, ada, apple, other))
    moved(shop, purchase, Status.CANCELLED)
    assert redeemed(shop, other) == 1


def test_an_erased_buyers_purchase_gives_its_voucher_back(shop, apple):
    voucher, ada = issued(shop, limit_per_customer=1), registered(shop)
    purchase = checked_out(shop, *user_cart(shop, ada, apple, voucher))
    shop.users.delete(a_request(), ada.id, None)
    moved(shop, purchase, Status.CANCELLED)
    assert redeemed(shop, voucher) == 0


def test_a_method_that_may_not_be_chosen_is_refused(shop, cart):
    for method in (offered(shop, is_active=False), offered(shop, price=replace(euros("1.00"), currency="USD"))):
        with pytest.raises(UnknownShippingMethod):
            change(shop, cart, shipping_method=method.code)


def test_shipping_to_a_country_that_the_method_does_not_reach_is_a_problem(shop, cart):
    method = offered(shop, countries=("DE", "AT"))
    change(shop, cart, shipping_method=method.code, shipping_address=ADDRESS)
    assert list(read(shop, cart).problems()) == [("/shipping_method", CartProblem.SHIPPING_UNAVAILABLE)]
    with pytest.raises(CartNotReady):
        checked_out(shop, cart)
    change(shop, cart, shipping_address=replace(ADDRESS, country="AT"))
    assert checked_out(shop, cart).shipping == method.price.minor


def test_a_method_that_is_gone_is_a_problem(shop, cart):
    method = offered(shop)
    change(shop, cart, shipping_method=method.code, shipping_address=ADDRESS)
    shop.shipping_methods.delete(a_request(), method.code, None)
    assert list(read(shop, cart).problems()) == [("/shipping_method", CartProblem.SHIPPING_UNAVAILABLE)]
    with pytest.raises(CartNotReady):
        checked_out(shop, cart)
    change(shop, cart, shipping_method="")
    assert checked_out(shop, cart).shipping == 0


def test_a_price_of_shipping_that_has_changed_is_accepted_first(shop, cart):
    method, now = offered(shop, price=euros("4.90")), shop.clock.now()
    change(shop, cart, shipping_method=method.code, shipping_address=ADDRESS)
    shop.shipping_methods.update(
        a_request(), method.code, lambda each: each.with_changes(at=now, price=euros("5.90")), None
    )
    with pytest.raises(CartNotReady) as refused:
        checked_out(shop, cart)
    assert refused.value.problems == (("/shipping_method", CartProblem.SHIPPING_PRICE_CHANGED),)
    change(shop, cart, shipping_method=method.code)
    assert checked_out(shop, cart).shipping == 590


def test_a_claimed_cart_brings_its_voucher_and_shipping(shop, cart, apple):
    voucher, method, ada = issued(shop), offered(shop), registered(shop)
    put_voucher(shop, cart, voucher)
    change(shop, cart, shipping_method=method.code, shipping_address=ADDRESS)
    own, caller = a_cart(shop, owner=ada.id), CartCaller(user=ada.id)
    put(shop, own, apple, 1, caller)
    both = CartCaller(user=ada.id, token=GUEST.token)
    assert shop.carts.claim(a_request(), cart.id, both, shop.clock.now()).value == own.id
    assert amounts(checked_out(shop, own, caller).totals) == [4_000, 400, 490, 4_090]


def test_a_percentage_of_the_largest_total_is_exact(shop):
    dear, voucher = in_catalogue(shop, price=euros("9999999999.99"), stock=9_000), issued(shop, value=3_333)
    cart, caller = a_ready_cart(shop, dear, 9_000)
    put_voucher(shop, cart, voucher, caller)
    items = 9_000 * 999_999_999_999
    assert items < MAX_TOTAL_MINOR
    assert amounts(checked_out(shop, cart, caller).totals)[1] == items * 3_333 // 10_000


def race(shop, carts):
    """Check all carts out at once. Returns the purchases."""

    def buy(entry):
        with suppress(VoucherExhausted):
            return checked_out(shop, *entry)

    with ThreadPoolExecutor(RACERS) as threads:
        return [purchase for purchase in threads.map(buy, carts) if purchase]


def test_a_voucher_with_a_limit_is_redeemed_so_often_by_many_at_once(shop, apple):
    voucher = issued(shop, limit=5)
    carts = [user_cart(shop, registered(shop), apple, voucher) for _ in range(RACERS)]
    purchases = race(shop, carts)
    assert len(purchases) == redeemed(shop, voucher) == 5
    assert {purchase.voucher for purchase in purchases} == {voucher.code}
    assert shop.products.get(apple.id).stock == 1_000 - 5


def test_a_customer_with_many_carts_at_once_redeems_a_voucher_as_often_as_it_says(shop, apple):
    voucher, ada = issued(shop, limit_per_customer=2), registered(shop)
    carts = [user_cart(shop, ada, apple, voucher) for _ in range(8)]
    assert len(race(shop, carts)) == redeemed(shop, voucher) == 2


def test_redemptions_and_returns_at_once_never_exceed_the_limit_and_add_up(shop, apple):
    voucher = issued(shop, limit=3)
    carts = [user_cart(shop, registered(shop), apple, voucher) for _ in range(RACERS)]
    returned = []

    def buy_and_cancel(entry):
        with suppress(VoucherExhausted):
            purchase = checked_out(shop, *entry)
            assert redeemed(shop, voucher) <= 3
            for _ in range(2):
                with suppress(Refusal):
                    returned.append(moved(shop, purchase, Status.CANCELLED))

    with ThreadPoolExecutor(RACERS) as threads:
        list(threads.map(buy_and_cancel, carts))
    assert redeemed(shop, voucher) == 0
    counted = events_of(shop, voucher)
    assert counted.count(EventType.VOUCHER_REDEEMED) == counted.count(EventType.VOUCHER_RETURNED) == len(returned)
    open_redemptions = 0
    for event in counted:
        open_redemptions += 1 if event == EventType.VOUCHER_REDEEMED else -1
        assert 0 <= open_redemptions <= 3
