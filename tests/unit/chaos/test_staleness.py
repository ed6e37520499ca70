"""Which reads of one product the checker calls stale, and which it does not."""

import pytest

from chaos.history import Call, CallKind, History
from chaos.staleness import MAX_STALENESS_S, Timeline, effects, stale_reads
from tests.unit.chaos import scenes
from tests.unit.chaos.scenes import (
    CAKE,
    STAGE,
    TEA,
    adjustment,
    cancellation,
    creation,
    denied,
    product,
    purchase,
    refused,
    stock_read,
)

OPENING = 100
#: The writes of these histories end at 1.1 s: a read that begins then or later must show them.
SETTLED = 1.11 + MAX_STALENESS_S


def stale(*calls):
    """The reads that are stale, as pairs of path and instant; the product had 100 units at the beginning."""
    held = scenes.contents(tea=product(OPENING, OPENING))
    return [violation.due for violation in stale_reads(History(calls=list(calls)), STAGE, held)]


def checkout(key, status=201, **changes):
    """Of one cart, with two units."""
    call = purchase(1, status=status, key=key, kind=CallKind.CHECKOUT, subject="cart")
    return scenes.with_changes(call, items=((TEA, 2),), **changes)


def test_a_read_that_shows_every_acknowledged_write_is_not_stale():
    assert stale(purchase(1), adjustment(5), stock_read(103, at=SETTLED)) == []


@pytest.mark.parametrize("stock", [100, 105, 98, 102, 104])
def test_a_read_that_lacks_an_acknowledged_write_is_stale_once_the_bound_has_passed(stock):
    assert stale(purchase(1), adjustment(5), stock_read(stock, at=SETTLED)) == [SETTLED]


@pytest.mark.parametrize("stock", [98, 100])
def test_a_read_within_the_bound_may_show_a_write_or_not(stock):
    assert stale(purchase(1), stock_read(stock, at=1.2)) == []


@pytest.mark.parametrize("stock", [97, 101])
def test_no_read_may_show_what_no_write_did(stock):
    assert stale(purchase(1), stock_read(stock, at=1.2)) == [1.2]


@pytest.mark.parametrize("stock", [98, 100])
def test_a_write_whose_outcome_is_unknown_may_show_for_ever(stock):
    assert stale(purchase(1, status=0), stock_read(stock, at=90.0)) == []


def test_a_write_that_is_sent_after_the_read_has_ended_cannot_show():
    assert stale(purchase(1, due=5.0, ended=5.1), stock_read(98, at=4.0)) == [4.0]


def test_a_refused_purchase_takes_nothing():
    assert stale(refused(1, TEA, "insufficient-stock"), stock_read(98, at=SETTLED)) == [SETTLED]


def test_a_purchase_that_is_refused_in_the_end_may_show_while_it_is_under_way():
    call = refused(1, TEA, "insufficient-stock")
    call.due, call.ended = 1.0, 4.0
    assert stale(call, stock_read(98, at=3.0), stock_read(100, at=3.0)) == []


def test_a_write_that_was_answered_store_unavailable_cannot_show():
    assert stale(denied(purchase(1)), stock_read(98, at=SETTLED)) == [SETTLED]


def test_a_cancellation_returns_the_units_of_its_purchase():
    calls = (purchase(1), cancellation(1, due=1.2, ended=1.3))
    assert stale(*calls, stock_read(100, at=SETTLED + 0.2)) == []
    assert stale(*calls, stock_read(98, at=SETTLED + 0.2)) == [SETTLED + 0.2]


def test_a_request_that_was_sent_twice_under_one_key_shows_once():
    calls = (purchase(1, key="k"), purchase(1, key="k", due=1.2, ended=1.3, is_replayed=True))
    assert stale(*calls, stock_read(98, at=SETTLED)) == []
    assert stale(*calls, stock_read(96, at=SETTLED)) == [SETTLED]


def test_a_request_counts_from_its_first_response_under_the_key():
    calls = (purchase(1, key="k"), purchase(1, key="k", due=1.2, ended=9.0))
    assert stale(*calls, stock_read(100, at=SETTLED)) == [SETTLED]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_cart_that_is_refused_and_then_bought_is_bought(order):
    calls = [checkout("one", ended=1.1, status=409), checkout("two", due=2.0, ended=2.1)]
    ordered = [calls[number] for number in order]
    assert stale(*ordered, stock_read(98, at=9.0)) == []
    assert stale(*ordered, stock_read(100, at=9.0)) == [9.0]


@pytest.mark.parametrize("stock", [98, 100])
def test_a_cart_whose_other_checkout_is_unknown_may_be_bought(stock):
    calls = [checkout("one", ended=1.1, status=409), checkout("two", due=2.0, ended=2.1, status=0)]
    assert stale(*calls, stock_read(stock, at=9.0)) == []


def test_a_cart_of_which_every_checkout_is_refused_takes_nothing():
    calls = [checkout(key, due=1.0, ended=1.1, status=409) for key in ("one", "two")]
    assert stale(*calls, stock_read(98, at=9.0)) == [9.0]


def test_a_write_to_another_product_does_not_show():
    assert stale(purchase(1, product=CAKE), stock_read(100, at=SETTLED)) == []


def test_a_product_that_was_there_from_the_start_is_found_by_every_read():
    assert stale(stock_read(0, at=0.1, status=404)) == [0.1]


def test_a_created_product_is_found_once_the_bound_has_passed():
    missing = [stock_read(0, at=at, product="new", status=404) for at in (1.2, SETTLED)]
    assert stale(creation("new"), *missing) == [SETTLED]


def test_a_product_whose_creation_was_not_acknowledged_may_be_missing():
    missing = stock_read(0, at=90.0, product="new", status=404)
    assert stale(creation("new", status=503, retry_after="1"), missing) == []


def test_reads_of_several_products_and_reads_that_failed_are_not_judged():
    page = Call(kind=CallKind.CATALOGUE, method="GET", path="/products/?search=green", status=200, answer=b"{}")
    assert stale(page, stock_read(0, at=1.0, status=503), stock_read(0, at=1.0, status=0)) == []


def test_bounds_of_a_timeline_have_what_is_certain_and_either_side_of_what_is_not():
    writes = [adjustment(5), adjustment(7, status=0), adjustment(-3, status=0), adjustment(-2, due=9.0, ended=9.1)]
    timeline = Timeline(OPENING, list(effects(writes)))
    assert timeline.bounds(SETTLED, SETTLED + 0.1) == (OPENING + 5 - 3, OPENING + 5 + 7)
    assert timeline.bounds(0.0, 0.1) == (OPENING, OPENING)


def test_a_long_history_of_one_product_is_checked_without_comparing_each_read_with_each_write():
    instants = [number / 100 for number in range(30_000)]
    writes = [adjustment(1, due=at, ended=at + 0.001) for at in instants]
    reads = [stock_read(OPENING + number, at=at) for number, at in enumerate(instants)]
    assert stale(*writes, *reads) == []
