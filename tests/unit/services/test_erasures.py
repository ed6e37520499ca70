import time
from types import SimpleNamespace

import pytest

from exactly_once.errors import StoreUnavailable
from shop.repositories.erasures import MAX_PURCHASES
from shop.services.erasures import (
    MAX_STEPS_PER_REQUEST,
    MAX_STEPS_PER_ROUND,
    MAX_USERS_PER_ROUND,
    erasure_continue,
    erasures_pursue,
)
from shop.services.reauthentication import unconfirmed
from shop.services.users import user_delete
from tests.fakes import FakeStore, fake_shop
from tests.samples import a_request, again, in_catalogue, placed, registered, units


@pytest.fixture
def store():
    return FakeStore()


@pytest.fixture
def shop(store):
    return fake_shop(store)


def carry_on(shop, timeout_s=20.0):
    return erasure_continue(shop=shop, id="ada", deadline=time.monotonic() + timeout_s)


def test_the_request_that_erases_a_user_of_few_purchases_completes_the_erasure(shop, store):
    ada = registered(shop)
    placed(shop, ada.id, units(in_catalogue(shop), 1))
    user_delete(shop=shop, request=a_request(), id=ada.id, if_match=None, confirm=unconfirmed)
    assert store.erasures == {}


def test_a_repeat_of_that_request_goes_on_with_the_erasure(shop, store):
    ada, request = registered(shop), a_request()
    shop.users.delete(request, ada.id, None)
    store.erasures[ada.id] = 1
    user_delete(shop=shop, request=again(request), id=ada.id, if_match=None, confirm=unconfirmed)
    assert store.erasures == {}


def test_a_request_leaves_a_long_erasure_to_the_background(shop, store):
    store.erasures["ada"] = (MAX_STEPS_PER_REQUEST + 1) * MAX_PURCHASES
    assert not carry_on(shop)
    assert store.erasures == {"ada": MAX_PURCHASES}
    assert carry_on(shop)


def test_a_request_takes_no_step_after_its_deadline(shop, store):
    store.erasures["ada"] = 1
    assert not carry_on(shop, timeout_s=0)
    assert store.erasures == {"ada": 1}


def test_an_acknowledged_erasure_stays_so_where_the_store_fails_afterwards(shop, store):
    store.unavailable = StoreUnavailable()
    assert not carry_on(shop)


def test_a_round_in_the_background_is_bounded_in_steps(shop, store):
    store.erasures["ada"] = 2 * MAX_STEPS_PER_ROUND * MAX_PURCHASES
    pauses = []
    assert erasures_pursue(shop=shop, pause=pauses.append) == 1
    assert len(pauses) == MAX_STEPS_PER_ROUND
    assert store.erasures == {"ada": MAX_STEPS_PER_ROUND * MAX_PURCHASES}


def test_a_round_in_the_background_is_bounded_in_users(shop, store):
    store.erasures.update(dict.fromkeys(map(str, range(MAX_USERS_PER_ROUND + 3)), 1))
    assert erasures_pursue(shop=shop, pause=lambda _: None) == 3
    assert erasures_pursue(shop=shop, pause=lambda _: None) == 0


def test_the_earliest_erasures_come_first(shop, store):
    store.erasures.update({"ada": MAX_STEPS_PER_ROUND * MAX_PURCHASES, "eve": 1})
    assert erasures_pursue(shop=shop, pause=lambda _: None) == 1
    assert store.erasures == {"eve": 1}


def test_the_pause_after_a_step_gets_what_the_step_took(shop, store, monkeypatch):
    store.erasures["ada"] = 2 * MAX_PURCHASES
    instants, pauses = iter([10.0, 10.25, 20.0, 21.5]), []
    monkeypatch.setattr("shop.services.erasures.time", SimpleNamespace(monotonic=lambda: next(instants)))
    erasures_pursue(shop=shop, pause=pauses.append)
    assert pauses == [0.25, 1.5]
