"""Purchases that are not paid: how many a customer may have, and what becomes of those that stay so."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import chain
from threading import Barrier

import pytest

from shop.domain.errors import InvalidTransition, TooManyOpenPurchases
from shop.domain.purchases import SYSTEM, PurchaseQuery, Status
from shop.services.expiry import MAX_PER_BATCH, overdue_s, purchases_expire
from shop.services.purchases import purchase_cancel, purchase_pay
from tests.contract.conftest import shop_on_redis
from tests.fakes import fake_shop
from tests.samples import a_request, again, as_staff, in_catalogue, placed, registered, units

LIMIT = 3
TTL = timedelta(hours=24)


@pytest.fixture(params=["fake", "redis"])
def limited(request):
    """A shop whose customers may have LIMIT open purchases."""
    if request.param == "fake":
        yield fake_shop(max_open_purchases=LIMIT)
        return
    with shop_on_redis(request.getfixturevalue("redis_stack"), max_open_purchases=LIMIT) as shop:
        yield shop


def expire(shop):
    return purchases_expire(shop=shop, ttl=TTL, pause=lambda: None)


def open_purchases(shop, buyer=None):
    return shop.purchases.page(PurchaseQuery(user=buyer, status=Status.PLACED), 100, None).results


def test_a_customer_has_no_more_open_purchases_than_the_limit(limited):
    ada, apple = registered(limited), in_catalogue(limited, stock=10)
    for _ in range(LIMIT):
        placed(limited, ada.id, units(apple, 1))
    with pytest.raises(TooManyOpenPurchases) as refused:
        placed(limited, ada.id, units(apple, 1))
    assert refused.value.limit == LIMIT
    assert limited.products.get(apple.id).stock == 10 - LIMIT
    assert placed(limited, registered(limited).id, units(apple, 1)).status is Status.PLACED


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
