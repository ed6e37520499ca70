"""Figures are those of a list of the purchases, whatever the store walks, remembers and counts."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.errors import InsufficientStock
from shop.domain.figures import DAY, HOUR, MAX_DAYS, OPEN_STATUSES, Figures, day_of, last_days, total
from shop.domain.money import Money
from shop.domain.purchases import Line, Purchase, PurchaseQuery, Status
from shop.services.figures import figures_dashboard, refusals_record
from tests.fakes.figures import figures_of
from tests.samples import a_request, in_catalogue, registered, units

STAFF = Caller(id="staff", role=Role.STAFF, token="")
MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class Cache(dict[str, str]):
    """A cache of texts that loses none."""

    def find(self, key: str) -> str | None:
        return self.get(key)

    def put(self, key: str, text: str, lifetime_s: int) -> None:
        self[key] = text


@pytest.fixture
def buyer(shop) -> str:
    return registered(shop).id


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, stock=100_000, price=Money(minor=120, currency="EUR"))


def placed_at(shop, buyer: str, at: datetime, *lines: Line) -> Purchase:
    return shop.purchases.place(a_request(), shop.ids.new(at), buyer, lines, at).value


def moved(shop, purchase: Purchase, target: Status) -> None:
    shop.purchases.move(
        a_request(),
        purchase.id,
        target,
        by=STAFF,
        restock=target in (Status.CANCELLED, Status.EXPIRED, Status.REFUNDED),
        at=shop.clock.now(),
    )


def dashboard(shop, cache: Cache | None = None, days: int = MAX_DAYS):
    return figures_dashboard(shop=shop, cache=Cache() if cache is None else cache, days=days)


def listed(shop) -> list[Purchase]:
    page, found = shop.purchases.page(PurchaseQuery(), 100, None), []
    while True:
        found += page.results
        if page.next is None:
            return found
        page = shop.purchases.page(PurchaseQuery(), 100, page.next)


def expected(shop, spans) -> list[Figures]:
    every = listed(shop)
    return [figures_of(p for p in every if span.start <= p.created_at < span.end) for span in spans]


def assert_exact(shop, found) -> None:
    days = last_days(found.at, len(found.days))
    assert [day.figures for day in found.days] == expected(shop, days)
    assert found.hours == expected(shop, reversed(days[0].parts))


def test_a_shop_without_purchases_has_figures_of_nothing(shop):
    found = dashboard(shop)
    assert found.is_complete
    assert [day.figures for day in found.days] == [Figures()] * MAX_DAYS
    assert found.hours == [Figures()] * 24


def test_a_purchase_counts_on_the_utc_day_on_which_it_was_placed(shop, buyer, apple):
    placed_at(shop, buyer, MIDNIGHT - MILLISECOND, units(apple, 2))
    placed_at(shop, buyer, MIDNIGHT, units(apple, 3))
    placed_at(shop, buyer, MIDNIGHT + HOUR - MILLISECOND, units(apple, 5))
    placed_at(shop, buyer, MIDNIGHT + HOUR, units(apple, 7))
    found = dashboard(shop, days=3)
    assert [day.figures.placed.units for day in found.days] == [15, 2, 0]
    assert [hour.placed.units for hour in found.hours[:3]] == [8, 7, 0]
    assert_exact(shop, found)


def test_what_expired_unpaid_counts_as_cancelled_beside_what_was_cancelled(shop, buyer, apple):
    bought = [placed_at(shop, buyer, MIDNIGHT + MILLISECOND * n, units(apple, n)) for n in range(1, 5)]
    cache = Cache()
    assert_exact(shop, dashboard(shop, cache))
    for purchase, target in ((bought[0], Status.EXPIRED), (bought[3], Status.EXPIRED), (bought[1], Status.CANCELLED)):
        moved(shop, purchase, target)
        assert_exact(shop, dashboard(shop, cache))
    assert dashboard(shop, cache).days[0].figures.cancelled.units == 7


def test_what_is_cancelled_or_refunded_is_taken_off_the_day_of_the_purchase(shop, buyer, apple):
    yesterday = MIDNIGHT - 3 * HOUR
    bought = [placed_at(shop, buyer, yesterday + MILLISECOND * n, units(apple, n)) for n in range(1, 5)]
    cache = Cache()
    assert dashboard(shop, cache).days[1].figures.sold.minor == {"EUR": 1200}
    moved(shop, bought[0], Status.CANCELLED)
    moved(shop, bought[1], Status.PAID)
    moved(shop, bought[1], Status.REFUNDED)
    moved(shop, bought[2], Status.PAID)
    found = dashboard(shop, cache)
    figures = found.days[1].figures
    assert (figures.placed.purchases, figures.cancelled.purchases, figures.refunded.purchases) == (4, 1, 1)
    assert (figures.sold.units, figures.sold.minor) == (7, {"EUR": 840})
    assert found.days[0].figures == Figures()
    assert_exact(shop, found)


def test_revenue_is_apart_by_currency(shop, buyer, apple):
    tea = in_catalogue(shop, stock=9, price=Money(minor=350, currency="JPY"))
    placed_at(shop, buyer, MIDNIGHT, units(apple, 1))
    placed_at(shop, buyer, MIDNIGHT, units(tea, 2))
    found = dashboard(shop)
    assert [str(money) for money in found.days[0].figures.sold.amounts] == ["1.20", "700"]
    assert_exact(shop, found)


def test_a_purchase_that_comes_late_into_a_remembered_day_is_added(shop, buyer, apple):
    cache, noon = Cache(), MIDNIGHT - DAY / 2
    for each in range(3):
        placed_at(shop, buyer, noon + HOUR * each, units(apple, 1))
    assert dashboard(shop, cache).days[1].figures.placed.purchases == 3
    placed_at(shop, buyer, noon - HOUR, units(apple, 1))
    assert_exact(shop, dashboard(shop, cache))


def test_figures_of_many_purchases_in_one_second_are_exact(shop, buyer, apple):
    for each in range(25):
        placed_at(shop, buyer, MIDNIGHT + MILLISECOND * (each // 3), units(apple, 1))
    cache = Cache()
    assert_exact(shop, dashboard(shop, cache))
    moved(shop, listed(shop)[12], Status.CANCELLED)
    assert_exact(shop, dashboard(shop, cache))


def test_a_walk_of_many_lines_goes_on_where_it_ended(shop, buyer):
    products = [in_catalogue(shop, stock=50) for _ in range(100)]
    for each in range(22):
        placed_at(shop, buyer, MIDNIGHT + MILLISECOND * each, *(units(product, 1) for product in products))
    assert_exact(shop, dashboard(shop))


def test_totals_beyond_what_a_script_adds_up_exactly_are_exact(shop, buyer):
    gold = in_catalogue(shop, stock=2_000_000, price=Money(minor=10**12 - 1, currency="EUR"))
    for each in range(3):
        placed_at(shop, buyer, MIDNIGHT + MILLISECOND * each, units(gold, 9_000 - each))
    found = dashboard(shop)
    assert found.days[0].figures.placed.minor == {"EUR": (10**12 - 1) * (9_000 + 8_999 + 8_998)}


def test_a_cache_that_lost_or_garbled_what_it_had_changes_no_figure(shop, buyer, apple):
    cache = Cache()
    placed_at(shop, buyer, MIDNIGHT - HOUR, units(apple, 1))
    dashboard(shop, cache)
    assert cache
    for text in ("", "no JSON", "[]", "{}"):
        cache.update(dict.fromkeys(cache, text))
        assert_exact(shop, dashboard(shop, cache))


def test_the_backlog_counts_products_without_stock_and_open_purchases(shop, buyer, apple):
    last_one = in_catalogue(shop, stock=1)
    in_catalogue(shop, stock=0)
    first = placed_at(shop, buyer, MIDNIGHT, units(last_one, 1))
    placed_at(shop, buyer, MIDNIGHT, units(apple, 1))
    moved(shop, first, Status.PAID)
    backlog = dashboard(shop).backlog
    assert backlog.sold_out == 2
    assert backlog.purchases == dict(zip(OPEN_STATUSES, (1, 1, 0, 0), strict=True))


def test_refusals_are_counted_by_day_hour_and_reason(shop):
    today = day_of(shop.clock.now()).start
    for at, counts in (
        (today + HOUR * 9, {"insufficient-stock": 2}),
        (today + HOUR * 9, {"insufficient-stock": 1, "rate-limited": 5}),
        (today - MILLISECOND, {"overload": 4}),
    ):
        refusals_record(shop=shop, request=a_request(), at=at, counts=counts)
    today_s, yesterdays = (day.refusals for day in dashboard(shop, days=2).days)
    assert today_s.counts == {(9, "insufficient-stock"): 3, (9, "rate-limited"): 5}
    assert yesterdays.counts == {(23, "overload"): 4}
    assert today_s.by_reason["insufficient-stock"] == 3
    assert today_s.by_reason["mixed-currencies"] == 0


def test_a_repeated_record_of_refusals_counts_once(shop):
    request, at = a_request(), shop.clock.now()
    for _ in range(2):
        refusals_record(shop=shop, request=request, at=at, counts={"insufficient-stock": 1})
    assert dashboard(shop, days=1).days[0].refusals.by_reason["insufficient-stock"] == 1


def test_a_refused_purchase_is_in_no_figure_of_sales(shop, buyer):
    rare = in_catalogue(shop, stock=1)
    with pytest.raises(InsufficientStock):
        placed_at(shop, buyer, MIDNIGHT, units(rare, 2))
    assert dashboard(shop).days[0].figures == Figures()


def test_the_parts_of_a_span_cover_it_once():
    day = day_of(MIDNIGHT)
    for span in (day, day.parts[0], day.parts[0].parts[0], day.parts[0].parts[0].parts[0]):
        parts = sorted(span.parts)
        assert (parts[0].start, parts[-1].end) == (span.start, span.end)
        assert all(one.end == other.start for one, other in pairwise(parts))
    assert day.parts[0].parts[0].parts[0].parts[0].parts == ()
    assert total([]) == Figures()
