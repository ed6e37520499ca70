"""`manage.py expire_purchases`, and the task of the worker that does the same."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from exactly_once.errors import StoreUnavailable
from shop import bootstrap, expiry_worker
from shop.domain.purchases import Status
from shop.services.expiry import MAX_BATCHES_PER_ROUND, MAX_PER_BATCH
from shop.work.periodic import pursue
from tests.fakes import FakeStore, fake_shop
from tests.samples import in_catalogue, placed, registered, units

PER_ROUND = MAX_BATCHES_PER_ROUND * MAX_PER_BATCH


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture(autouse=True)
def shop(store: FakeStore, settings, monkeypatch: pytest.MonkeyPatch):
    shop = fake_shop(store)
    settings.EVERGREEN_UNPAID_PURCHASE_TTL_S = 3600
    monkeypatch.setattr(bootstrap, "get_shop", lambda: shop)
    monkeypatch.setattr(expiry_worker, "PAUSE_S", 0)
    return shop


def overdue(shop, count):
    ada, apple = registered(shop).id, in_catalogue(shop, stock=count)
    for _ in range(count):
        placed(shop, ada, units(apple, 1))
    shop.clock.advance(timedelta(hours=1))


def _fail():
    raise RuntimeError


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("expire_purchases", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_command_ends_every_overdue_purchase(shop):
    overdue(shop, PER_ROUND + 2)
    assert run() == "502 ended. No purchase is overdue.\n"
    assert run() == "0 ended. No purchase is overdue.\n"


def test_a_command_whose_time_is_over_says_that_more_are_overdue(shop):
    overdue(shop, PER_ROUND + 2)
    with pytest.raises(CommandError, match="500 ended, and more are overdue") as error:
        run("--timeout", "0")
    assert error.value.returncode == 1


def test_a_command_says_that_the_store_does_not_answer(store):
    store.unavailable = StoreUnavailable()
    with pytest.raises(CommandError, match="Is it running") as error:
        run()
    assert error.value.returncode == 2


def test_where_purchases_may_be_unpaid_for_ever_those_alone_expire_that_name_an_instant(shop, store, settings):
    settings.EVERGREEN_UNPAID_PURCHASE_TTL_S = 0
    overdue(shop, 2)
    due, other = store.purchases.values()
    store.purchases[due.id] = replace(due, pay_by=shop.clock.now())
    assert run() == "1 ended. No purchase is overdue.\n"
    assert [store.purchases[each.id].status for each in (due, other)] == [Status.EXPIRED, Status.PLACED]


def test_the_background_goes_on_at_once_while_more_are_overdue(shop):
    overdue(shop, PER_ROUND + 2)
    assert [pursue(expiry_worker.TASK, bootstrap.get_shop) for _ in range(2)] == [True, False]
    assert shop.purchases.unpaid(shop.clock.now(), 1).ids == []


def test_the_background_outlives_a_store_that_does_not_answer_and_a_defect(shop, store):
    overdue(shop, 1)
    store.unavailable = StoreUnavailable()
    assert not pursue(expiry_worker.TASK, bootstrap.get_shop)
    store.unavailable = None
    assert not pursue(expiry_worker.TASK, _fail)
    assert not pursue(expiry_worker.TASK, bootstrap.get_shop)
    assert shop.purchases.unpaid(shop.clock.now(), 1).ids == []
