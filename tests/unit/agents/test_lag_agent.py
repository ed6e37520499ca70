"""What the lag agent makes of the Sentinels' reports."""

from dataclasses import replace

import pytest

from agents.lag_agent import read_reports
from exactly_once.client import Address
from exactly_once.sentinels import SentinelView

PRIMARY, FAST, SLOW = (Address(f"10.0.0.{number}", 6379) for number in (1, 2, 3))
BOTH = frozenset({FAST, SLOW})
VIEW = SentinelView(
    primary=PRIMARY,
    primary_is_up=True,
    is_failing_over=False,
    is_promoted=False,
    replicas=BOTH,
    up=BOTH,
    linked=BOTH,
    ineligible=frozenset({SLOW}),
)


def reports(*views):
    return read_reports(views, PRIMARY, 2)


def test_a_replica_is_ineligible_where_every_sentinel_that_answers_says_so():
    assert reports(VIEW, VIEW, VIEW).ineligible == {SLOW}
    assert reports(VIEW, VIEW, None).ineligible == {SLOW}
    assert reports(VIEW, VIEW, replace(VIEW, ineligible=frozenset())).ineligible == frozenset()


def test_reports_are_complete_where_every_sentinel_answers():
    assert reports(VIEW, VIEW, VIEW).is_complete
    assert not reports(VIEW, VIEW, None).is_complete


def test_a_replica_is_linked_and_electable_by_a_majority():
    cut_off = replace(VIEW, linked=frozenset({SLOW}))
    assert reports(VIEW, VIEW, cut_off).electable == {FAST}
    assert reports(VIEW, cut_off, cut_off).electable == frozenset()
    assert reports(VIEW, cut_off, cut_off).linked == {SLOW}


@pytest.mark.parametrize("change", [{"primary": FAST}, {"is_failing_over": True}])
def test_nothing_is_concluded_while_the_primary_changes(change):
    assert reports(VIEW, VIEW, replace(VIEW, **change)) is None


def test_nothing_is_concluded_without_a_majority():
    assert reports(VIEW, None, None) is None
