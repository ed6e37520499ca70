from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.purchases import TRANSITIONS, Line, Status, merge_lines, sources

lines = st.lists(st.builds(Line, product=st.sampled_from("abcd"), quantity=st.integers(1, 9)))
moves = [(source, target) for source in Status for target in Status]
allowed = {
    "placed paid",
    "placed cancelled",
    "paid shipped",
    "paid cancelled",
    "paid refunded",
    "shipped delivered",
    "shipped refunded",
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


def test_cancelled_and_refunded_are_final_so_units_return_at_most_once():
    assert TRANSITIONS[Status.CANCELLED] == TRANSITIONS[Status.REFUNDED] == ()


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
