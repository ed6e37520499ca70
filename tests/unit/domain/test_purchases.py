from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.purchases import (
    TRANSITIONS,
    Line,
    Status,
    Units,
    merge_lines,
    merge_units,
    sources,
    stage,
    units_of,
)

lines = st.lists(st.builds(Line, product=st.sampled_from("abcd"), quantity=st.integers(1, 9)))
units = st.lists(st.builds(Units, product=st.sampled_from("abcd"), quantity=st.integers(1, 9)))
moves = [(source, target) for source in Status for target in Status]
allowed = {
    "placed paid",
    "placed cancelled",
    "placed expired",
    "paid partially_shipped",
    "paid shipped",
    "paid cancelled",
    "paid partially_refunded",
    "paid refunded",
    "partially_shipped partially_shipped",
    "partially_shipped shipped",
    "partially_shipped partially_refunded",
    "partially_shipped refunded",
    "shipped delivered",
    "shipped partially_refunded",
    "shipped refunded",
    "delivered partially_refunded",
    "delivered refunded",
}


@pytest.mark.parametrize(("source", "target"), moves)
def test_transitions_are_those_of_the_contract(source, target):
    assert (target in TRANSITIONS[source]) == (f"{source} {target}" in allowed)


@pytest.mark.parametrize(("source", "target"), moves)
def test_sources_are_the_transitions_read_backwards(source, target):
    assert (source in sources(target)) == (target in TRANSITIONS[source])


def test_every_status_has_its_transitions():
    assert set(TRANSITIONS) == set(Status)


def test_nothing_comes_before_placed():
    assert sources(Status.PLACED) == ()


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.CANCELLED, Status.REFUNDED])
def test_nothing_follows_the_end_of_a_purchase(status):
    assert TRANSITIONS[status] == ()


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PARTIALLY_REFUNDED])
def test_after_partial_refunds_those_statuses_may_follow_that_could_before(status):
    refunds = [Status.PARTIALLY_REFUNDED] * 3
    assert stage([Status.PLACED, status]) is stage([Status.PLACED, status, *refunds]) is status


@given(units)
def test_merging_units_preserves_those_of_each_product(asked):
    assert {line.product: line.quantity for line in merge_units(asked)} == units_of(asked) == dict(_units(asked))


@given(lines)
def test_merging_lines_preserves_the_units_of_each_product(asked):
    assert Counter({line.product: line.quantity for line in merge_lines(asked)}) == _units(asked)


@given(lines)
def test_merged_lines_are_in_the_order_of_first_occurrence(asked):
    assert [line.product for line in merge_lines(asked)] == list(dict.fromkeys(line.product for line in asked))


def test_merging_no_lines_returns_none():
    assert merge_lines([]) == []


def _units(asked) -> Counter[str]:
    units: Counter[str] = Counter()
    for line in asked:
        units[line.product] += line.quantity
    return units
