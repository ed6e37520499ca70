"""Which replicas may be elected, by what probes show and the Sentinels report."""

from dataclasses import replace

import pytest

from agents.slow_replicas import (
    ALONE_PROBES,
    IN_STEP_PROBES,
    REPEATED_PROBES,
    SETTLED_PROBES,
    SLOW_PROBES,
    Action,
    Probe,
    Reports,
    SlowReplicas,
)
from exactly_once.client import Address

FAST, SLOW = Address("10.0.0.12", 6379), Address("10.0.0.13", 6379)
BOTH, NONE = frozenset({FAST, SLOW}), frozenset()
ALL_WELL = Reports(linked=BOTH, electable=BOTH, ineligible=NONE, is_complete=True)
SLOW_INELIGIBLE = Reports(linked=BOTH, electable=frozenset({FAST}), ineligible=frozenset({SLOW}), is_complete=True)
SLOW_ALONE = Reports(linked=frozenset({SLOW}), electable=NONE, ineligible=frozenset({SLOW}), is_complete=True)
STILL = "still"
DEMOTE, EXCLUDE = (Action.DEMOTE, SLOW), (Action.EXCLUDE, SLOW)
READMIT, RESTORE = (Action.READMIT, SLOW), (Action.RESTORE, SLOW)


class Rules:
    """The rules, fed with probes; every step that they ask for is carried out, but for those that `fails` names."""

    def __init__(self):
        self.rules, self.offset, self.fails = SlowReplicas(), 0, set()

    def probe(self, reports=ALL_WELL, fast=True, slow=False, excluded=NONE, times=1):
        """The steps of so many probes in which each is in step, behind (False), standing STILL or not linked (None)."""
        steps = []
        for _ in range(times):
            self.offset += 10
            states = ((FAST, fast), (SLOW, slow))
            offsets = {True: self.offset, False: self.offset - 5, STILL: 10}
            confirmed = {each: offsets[state] for each, state in states if state is not None}
            found = self.rules.steps(Probe(offset=self.offset, confirmed=confirmed, excluded=excluded), reports)
            for action, replica in found:
                if action not in self.fails:
                    self.rules.confirm(action, replica)
            steps += found
        return steps

    def demoted(self):
        assert self.probe(times=SLOW_PROBES) == [DEMOTE]
        return self


EXCLUDED = frozenset({SLOW})


def test_a_replica_is_demoted_at_its_third_slow_probe_in_a_row():
    rules = Rules()
    assert rules.probe(times=SLOW_PROBES - 1) == []
    assert rules.probe(slow=True) == []
    assert rules.probe(times=SLOW_PROBES - 1) == []
    assert rules.probe() == [DEMOTE]


def test_a_failed_probe_ends_a_row():
    rules = Rules()
    assert rules.probe(times=SLOW_PROBES - 1) == []
    rules.rules.interrupt()
    assert rules.probe(times=SLOW_PROBES - 1) == []


def test_a_replica_that_confirms_nothing_at_all_is_not_demoted():
    rules = Rules()
    rules.probe(slow=True)
    assert rules.probe(slow=STILL, times=50) == []


def test_no_replica_is_demoted_while_all_are_slow():
    assert Rules().probe(fast=False, times=50) == []


def test_the_only_replica_is_not_demoted():
    assert Rules().probe(fast=None, times=50) == []


@pytest.mark.parametrize(
    "reports",
    [
        replace(ALL_WELL, electable=frozenset({SLOW}), ineligible=frozenset({FAST})),
        replace(ALL_WELL, linked=frozenset({FAST})),
    ],
    ids=["the other cannot be elected", "the Sentinels do not find it linked"],
)
def test_a_slow_replica_is_left_alone_where(reports):
    assert DEMOTE not in Rules().probe(reports, times=50)


def test_the_second_replica_is_not_demoted_on_reports_that_are_older_than_the_first_demotion():
    rules = Rules().demoted()
    assert rules.probe(fast=False, slow=True, times=SLOW_PROBES + 1) == []


def test_nor_where_the_answer_to_the_first_demotion_was_lost():
    rules = Rules()
    rules.fails = {Action.DEMOTE}
    rules.demoted()
    assert rules.probe(fast=False, slow=True, times=SLOW_PROBES + 1) == []


def test_a_demotion_that_failed_is_asked_for_again_and_one_that_succeeded_now_and_then():
    rules = Rules()
    rules.fails = {Action.DEMOTE}
    rules.demoted()
    assert rules.probe(times=2) == [DEMOTE] * 2
    rules.fails = set()
    assert rules.probe(times=2 * REPEATED_PROBES).count(DEMOTE) == 3


def test_it_is_excluded_as_soon_as_every_sentinel_reports_it_ineligible():
    rules = Rules().demoted()
    assert rules.probe() == []
    assert rules.probe(SLOW_INELIGIBLE) == [EXCLUDE]


def test_a_sentinel_that_does_not_answer_may_hold_an_older_priority_until_that_is_too_old():
    rules, incomplete = Rules().demoted(), replace(SLOW_INELIGIBLE, is_complete=False)
    assert rules.probe(incomplete, times=SETTLED_PROBES - 1) == []
    assert rules.probe(incomplete) == [EXCLUDE]


def test_one_that_was_demoted_by_another_agent_is_excluded_once_that_is_long_ago():
    rules = Rules()
    assert rules.probe(SLOW_INELIGIBLE, times=SETTLED_PROBES - 1) == []
    assert rules.probe(SLOW_INELIGIBLE) == [EXCLUDE]


def test_it_is_readmitted_after_many_probes_in_step_and_restored_only_after_that():
    rules = Rules().demoted()
    assert rules.probe(SLOW_INELIGIBLE, slow=True, excluded=EXCLUDED, times=IN_STEP_PROBES - 1) == []
    assert rules.probe(SLOW_INELIGIBLE, slow=True, excluded=EXCLUDED) == [READMIT]
    assert rules.probe(SLOW_INELIGIBLE, slow=True) == [RESTORE]


def test_one_slow_probe_makes_it_begin_anew():
    rules = Rules().demoted()
    assert rules.probe(SLOW_INELIGIBLE, slow=True, excluded=EXCLUDED, times=IN_STEP_PROBES - 1) == []
    assert rules.probe(SLOW_INELIGIBLE, excluded=EXCLUDED) == []
    assert rules.probe(SLOW_INELIGIBLE, slow=True, excluded=EXCLUDED, times=IN_STEP_PROBES - 1) == []


def test_the_last_replica_is_readmitted_and_restored_once_it_has_what_was_written_before():
    rules = Rules().demoted()
    assert READMIT in rules.probe(SLOW_ALONE, fast=None, excluded=EXCLUDED, times=ALONE_PROBES)
    # The probe that finds the exclusion ended is the first that it must have.
    assert rules.probe(SLOW_ALONE, fast=None) == []
    assert rules.probe(SLOW_ALONE, fast=None) == [RESTORE]


def test_another_replica_that_the_sentinels_miss_for_a_moment_changes_nothing():
    rules = Rules().demoted()
    missed = replace(SLOW_INELIGIBLE, electable=NONE)
    assert rules.probe(missed, excluded=EXCLUDED, times=ALONE_PROBES - 1) == []
    assert rules.probe(SLOW_INELIGIBLE, excluded=EXCLUDED) == []
    assert rules.probe(missed, excluded=EXCLUDED, times=ALONE_PROBES - 1) == []


def test_an_exclusion_ends_where_a_sentinel_finds_the_replica_electable():
    assert Rules().probe(ALL_WELL, excluded=EXCLUDED) == [READMIT]


def test_an_exclusion_ends_with_the_link_of_the_replica_whatever_the_sentinels_report():
    rules = Rules().demoted()
    assert rules.rules.drop_gone(Probe(offset=100, confirmed={FAST: 100}, excluded=EXCLUDED)) == [SLOW]
    # When it comes back, it may have been restarted and given another priority.
    assert rules.probe(SLOW_INELIGIBLE, times=SETTLED_PROBES - 1) == []


def test_a_replica_that_starts_and_is_not_linked_yet_stays_as_it_is():
    starting = Reports(linked=frozenset({FAST}), electable=frozenset({FAST}), ineligible=EXCLUDED, is_complete=True)
    assert Rules().probe(starting, times=3 * IN_STEP_PROBES) == []
    assert Rules().probe(starting, slow=True, times=3 * IN_STEP_PROBES) == []


def test_one_that_an_earlier_agent_demoted_is_restored_after_many_probes_in_step():
    rules = Rules()
    assert rules.probe(SLOW_INELIGIBLE, slow=True, times=IN_STEP_PROBES - 1) == []
    assert rules.probe(SLOW_INELIGIBLE, slow=True) == [RESTORE]


def test_a_restored_replica_is_demoted_again_only_after_as_many_slow_probes():
    rules = Rules()
    rules.probe(SLOW_INELIGIBLE, slow=True, times=IN_STEP_PROBES)
    assert rules.probe(times=SLOW_PROBES - 1) == []
    assert rules.probe() == [DEMOTE]
