from datetime import timedelta

import pytest

from exactly_once.errors import StoreUnavailable
from shop.domain.batches import Unpaid
from shop.domain.purchases import Status
from shop.services.expiry import MAX_BATCHES_PER_ROUND, MAX_PER_BATCH, purchases_expire
from tests.fakes import FakeStore, fake_shop
from tests.samples import in_catalogue, placed, registered, units

TTL = timedelta(hours=1)


@pytest.fixture
def store():
    return FakeStore()


@pytest.fixture
def shop(store):
    return fake_shop(store)


def bought(shop, count):
    ada, apple = registered(shop).id, in_catalogue(shop, stock=count)
    return [placed(shop, ada, units(apple, 1)).id for _ in range(count)]


def test_a_round_is_bounded_in_batches_and_the_earliest_purchases_come_first(shop, store):
    per_round = MAX_BATCHES_PER_ROUND * MAX_PER_BATCH
    ids, pauses = bought(shop, per_round + 1), []
    shop.clock.advance(TTL)
    done = purchases_expire(shop=shop, ttl=TTL, pause=lambda: pauses.append(1))
    assert [purchase.id for purchase in done.expired] == ids[:per_round]
    assert (done.is_complete, len(pauses)) == (False, MAX_BATCHES_PER_ROUND)
    assert purchases_expire(shop=shop, ttl=TTL, pause=lambda: None).is_complete
    assert {purchase.status for purchase in store.purchases.values()} == {Status.CANCELLED}


def test_a_round_ends_where_the_index_has_purchases_that_are_not_there(shop, monkeypatch):
    monkeypatch.setattr(shop.purchases, "unpaid", lambda *_: Unpaid(ids=("nothing",), next_start=""))
    done = purchases_expire(shop=shop, ttl=TTL, pause=lambda: None)
    assert (done.expired, done.is_complete) == ([], True)


def test_a_store_that_does_not_answer_ends_a_round(shop, store):
    store.unavailable = StoreUnavailable()
    with pytest.raises(StoreUnavailable):
        purchases_expire(shop=shop, ttl=TTL, pause=lambda: None)
