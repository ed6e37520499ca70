"""What the figures cost: what is remembered is not walked again, and a call is bounded."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from shop.domain.figures import DAY, Figures
from shop.domain.purchases import Status
from shop.services import figure_memory, figures
from shop.services.figures import figures_dashboard
from tests.contract.test_figures import Cache, assert_exact, moved, placed_at
from tests.fakes import FakeStore, fake_shop
from tests.samples import in_catalogue, registered, units

TODAY = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def shop(monkeypatch):
    monkeypatch.setattr(figures, "MAX_WALKED_AT_ONCE", 4)
    return fake_shop(FakeStore())


@pytest.fixture
def bought(shop):
    """Ninety purchases over five days, most of them close together."""
    buyer, apple = registered(shop).id, in_catalogue(shop, stock=1000)
    starts = [TODAY - DAY * 4 + timedelta(hours=11 * each) for each in range(9)]
    return [
        placed_at(shop, buyer, start + timedelta(seconds=40 * n), units(apple, 1))
        for start in starts
        for n in range(10)
    ]


def walked(shop, cache, days=31):
    before = shop.figures.walked
    found = figures_dashboard(shop=shop, cache=cache, days=days)
    return found, shop.figures.walked - before


def test_what_has_not_changed_is_not_walked_again(shop, bought):
    cache = Cache()
    found, first = walked(shop, cache)
    assert first == len(bought)
    assert walked(shop, cache)[1] == 0
    assert_exact(shop, found)


def test_a_cancellation_is_found_by_walking_the_few_purchases_around_it(shop, bought):
    cache = Cache()
    walked(shop, cache)
    moved(shop, bought[5], Status.CANCELLED)
    found, again = walked(shop, cache)
    assert 0 < again <= 4 * 2
    assert_exact(shop, found)


def test_a_call_that_reaches_its_bound_leaves_the_rest_to_the_next_ones(shop, bought, monkeypatch):
    monkeypatch.setattr(figures, "MAX_WALKED_PER_CALL", 20)
    cache, calls = Cache(), 0
    found, steps = walked(shop, cache)
    assert not found.is_complete
    assert None not in found.hours
    while not found.is_complete:
        assert steps <= 20 + 4
        found, steps = walked(shop, cache)
        calls += 1
        assert calls < 10
    assert_exact(shop, found)


def test_days_beyond_the_last_ones_are_forgotten(shop, bought):
    cache = Cache()
    walked(shop, cache)
    shop.clock.advance(DAY * 40)
    placed_at(shop, bought[0].user, shop.clock.now() - DAY, units(in_catalogue(shop), 1))
    walked(shop, cache)
    assert set(json.loads(cache["figures:2:days"])) == {"2026-12-10T00:00:00+00:00/86400"}


def test_a_document_that_grows_too_long_remembers_no_parts_of_what_it_remembers(shop, bought, monkeypatch):
    cache = Cache()
    walked(shop, cache)
    longest = max(map(len, cache.values()))
    monkeypatch.setattr(figure_memory, "MAX_DOCUMENT_CHARS", longest - 1)
    shorter = Cache()
    walked(shop, shorter)
    assert max(map(len, shorter.values())) < longest
    found, again = walked(shop, shorter)
    assert again == 0
    assert_exact(shop, found)


def test_more_purchases_of_an_hour_than_fit_a_document_are_added_up_over_several_calls(shop, monkeypatch):
    monkeypatch.setattr(figures, "MAX_WALKED_PER_CALL", 5)
    monkeypatch.setattr(figure_memory, "MAX_DOCUMENT_CHARS", 500)
    buyer, apple = registered(shop).id, in_catalogue(shop, stock=1000)
    for second in range(60):
        placed_at(shop, buyer, TODAY - DAY + timedelta(seconds=second), units(apple, 1))
    cache, calls = Cache(), 0
    found, _ = walked(shop, cache)
    while not found.is_complete:
        found, _ = walked(shop, cache)
        calls += 1
        assert calls < 20
    assert_exact(shop, found)


def test_an_hour_that_goes_on_is_added_up_anew_over_several_calls_without_room_for_its_parts(shop, monkeypatch):
    monkeypatch.setattr(figures, "MAX_WALKED_PER_CALL", 5)
    monkeypatch.setattr(figure_memory, "MAX_DOCUMENT_CHARS", 0)
    buyer, apple = registered(shop).id, in_catalogue(shop, stock=1000)
    cache, calls = Cache(), 0
    for second in (*range(40), 3599):
        placed_at(shop, buyer, TODAY - DAY + timedelta(seconds=second), units(apple, 1))
        while not walked(shop, cache)[0].is_complete:
            calls += 1
            assert calls < 200
    assert_exact(shop, walked(shop, cache)[0])


def test_no_more_days_are_added_up_than_figures_go_back(shop):
    found, _ = walked(shop, Cache(), days=1000)
    assert len(found.days) == 31


def test_a_day_that_is_not_added_up_yet_is_not_shown_as_one_without_sales(shop, bought, monkeypatch):
    monkeypatch.setattr(figures, "MAX_WALKED_PER_CALL", 0)
    found, _ = walked(shop, Cache())
    assert found.days[1].figures is None
    assert found.days[20].figures == Figures()
