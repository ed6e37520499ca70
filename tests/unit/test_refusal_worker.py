"""Refusals of this process come into the figures, each once."""

import pytest

from exactly_once.errors import StoreUnavailable
from shop import refusal_worker
from shop.domain.figures import REFUSALS
from shop.refusal_worker import RefusalTally
from tests.fakes import FakeStore, fake_shop


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def shop(store):
    return fake_shop(store)


def counted(store: FakeStore) -> dict[str, int]:
    return {reason: count for day in store.refusals.values() for (_, reason), count in day.items()}


def test_refusals_are_added_once_with_their_reasons(shop, store):
    tally = RefusalTally()
    for _ in range(3):
        tally.note("insufficient-stock")
    tally.note("overload", 7)
    for _ in range(2):
        tally.add_to(shop)
    assert counted(store) == {"insufficient-stock": 3, "overload": 7}


def test_a_problem_that_is_no_refusal_is_not_counted(shop, store):
    tally = RefusalTally()
    for code in ("not-found", "validation-error", "store-unavailable"):
        tally.note(code)
    tally.add_to(shop)
    assert store.refusals == {}
    assert len(REFUSALS) == 6


def test_refusals_survive_a_store_that_does_not_answer(shop, store, monkeypatch):
    tally = RefusalTally()
    monkeypatch.setattr(refusal_worker, "TALLY", tally)
    tally.note("rate-limited")
    store.unavailable = StoreUnavailable("gone")
    assert not refusal_worker.pursue(lambda: shop)
    tally.note("rate-limited")
    store.unavailable = None
    assert refusal_worker.pursue(lambda: shop)
    assert refusal_worker.pursue(lambda: shop)
    assert counted(store) == {"rate-limited": 2}


def test_a_fault_that_was_not_foreseen_ends_no_thread(monkeypatch):
    def fails():
        raise RuntimeError

    assert not refusal_worker.pursue(fails)
