"""Refusals of this process come into the figures, each once."""

from datetime import timedelta

import pytest

from exactly_once.errors import StoreUnavailable
from shop import refusal_worker
from shop.domain.figures import REFUSALS
from shop.refusal_worker import RefusalTally
from shop.services.figures import refusals_record
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


def test_refusals_belong_to_the_hour_in_which_they_were_given(shop, store):
    tally = RefusalTally(shop.clock)
    hour = shop.clock.now().hour
    tally.note("overload", 2)
    store.unavailable = StoreUnavailable("gone")
    with pytest.raises(StoreUnavailable):
        tally.add_to(shop)
    tally.note("overload", 3)
    shop.clock.advance(timedelta(hours=2))
    tally.note("overload", 4)
    store.unavailable = None
    tally.add_to(shop)
    (day,) = store.refusals.values()
    assert day == {(hour, "overload"): 5, (hour + 2, "overload"): 4}


def test_no_more_hours_are_held_than_a_day_has(shop, store):
    tally = RefusalTally(shop.clock)
    for _ in range(30):
        tally.note("overload")
        shop.clock.advance(timedelta(hours=1))
    tally.add_to(shop)
    assert sum(day.total() for day in store.refusals.values()) == 24


@pytest.mark.parametrize(("hours", "expected"), [(2, 1), (22, 1), (24, 0)])
def test_a_batch_is_sent_again_only_while_the_store_would_know_it(shop, store, monkeypatch, hours, expected):
    sent, tally = [], RefusalTally(shop.clock)

    def record(**call):
        sent.append(call["request"])
        refusals_record(**call)

    monkeypatch.setattr(refusal_worker, "refusals_record", record)
    tally.note("overload")
    store.unavailable = StoreUnavailable("gone")
    with pytest.raises(StoreUnavailable):
        tally.add_to(shop)
    store.unavailable = None
    shop.clock.advance(timedelta(hours=hours))
    tally.add_to(shop)
    assert counted(store).get("overload", 0) == expected
    assert {request.id for request in sent} == {sent[0].id}
    assert timedelta(seconds=sent[0].ttl_s) > refusal_worker.MAX_AGE


def test_a_fault_that_was_not_foreseen_ends_no_thread(monkeypatch):
    def fails():
        raise RuntimeError

    assert not refusal_worker.pursue(fails)
