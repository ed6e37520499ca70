"""`manage.py erase_pending`, and the thread that does the same."""

import io

import pytest
from django.core.management import CommandError, call_command

from exactly_once.errors import StoreUnavailable
from shop import bootstrap, erasure_worker
from shop.erasure_worker import MAX_PAUSE_S, MIN_PAUSE_S, PAUSE_FACTOR
from shop.repositories.erasures import MAX_PURCHASES
from tests.fakes import FakeStore, fake_shop


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    store = FakeStore(erasures={"ada": 5 * MAX_PURCHASES, "eve": 1})
    shop = fake_shop(store)
    monkeypatch.setattr(bootstrap, "get_shop", lambda: shop)
    monkeypatch.setattr(erasure_worker, "PAUSE_FACTOR", 0)
    monkeypatch.setattr(erasure_worker, "MIN_PAUSE_S", 0)
    return store


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("erase_pending", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_command_completes_every_pending_erasure(store):
    assert run() == "No erasure is pending.\n"
    assert store.erasures == {}
    assert run() == "No erasure is pending.\n"


def test_a_command_whose_time_is_over_says_what_is_pending_and_goes_on_the_next_time(store):
    store.erasures["ada"] = 101 * MAX_PURCHASES
    with pytest.raises(CommandError, match="2 erasures are pending") as error:
        run("--timeout", "0")
    assert error.value.returncode == 1
    assert store.erasures == {"ada": MAX_PURCHASES, "eve": 1}
    run()
    assert store.erasures == {}


def test_a_command_says_that_the_store_does_not_answer(store):
    store.unavailable = StoreUnavailable()
    with pytest.raises(CommandError, match="Is it running") as error:
        run()
    assert error.value.returncode == 2


def test_the_background_takes_bounded_rounds_until_no_erasure_is_pending(store):
    store.erasures["ada"] = 101 * MAX_PURCHASES
    assert [erasure_worker.pursue(bootstrap.get_shop) for _ in range(3)] == [2, 0, 0]
    assert store.erasures == {}


def test_the_background_outlives_a_store_that_does_not_answer(store):
    store.unavailable = StoreUnavailable()
    assert erasure_worker.pursue(bootstrap.get_shop) == 0
    store.unavailable = None
    assert erasure_worker.pursue(bootstrap.get_shop) == 0
    assert store.erasures == {}


def test_the_background_outlives_a_defect(store, monkeypatch):
    def fail():
        raise RuntimeError

    assert erasure_worker.pursue(fail) == 0
    assert store.erasures


@pytest.mark.parametrize(("step_s", "pause_s"), [(0.001, MIN_PAUSE_S), (0.1, 0.1 * PAUSE_FACTOR), (2.0, MAX_PAUSE_S)])
def test_a_step_that_takes_longer_is_followed_by_a_longer_pause(monkeypatch, step_s, pause_s):
    pauses = []
    monkeypatch.setattr("shop.erasure_worker.time.sleep", pauses.append)
    erasure_worker.pause(step_s)
    assert pauses == [pytest.approx(pause_s)]
