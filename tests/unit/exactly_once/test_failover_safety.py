"""Whether a write that only some replicas have can still be lost, by what the primary and the Sentinels say."""

from dataclasses import replace

import pytest

from exactly_once.client import Address
from exactly_once.errors import NotExecuted
from exactly_once.exclusions import QUERY, channel_of
from exactly_once.failover_safety import STALLED_S, FailoverSafetyCheck
from exactly_once.sentinels import SentinelView

PRIMARY, FIRST, SECOND = (Address(f"10.0.0.{number}", 6379) for number in (1, 2, 3))
BOTH = frozenset({FIRST, SECOND})
#: What a Sentinel says while the second replica is cut off.
ANSWER = SentinelView(
    primary=PRIMARY,
    primary_is_up=True,
    is_failing_over=False,
    is_promoted=False,
    replicas=BOTH,
    up=BOTH,
    linked=frozenset({FIRST}),
)


class Node:
    """Says what it is told to."""

    def __init__(self, said, excluded=()):
        self.said, self.excluded = said, [channel_of(replica) for replica in excluded]

    def run(self, *commands, timeout):
        if self.said is None:
            raise NotExecuted("no connection")
        return [self.excluded if command == QUERY else self.said for command in commands]


class Sentinels:
    def __init__(self, answers):
        self.answers = answers

    def ask(self):
        return self.answers


def primary(first=100, second=90):
    """It names the follower that is behind first."""
    return ["master", 100, [[SECOND.host, "6379", str(second)], [FIRST.host, "6379", str(first)]]]


def replica(silence, role="slave"):
    return f"role:{role}\r\nmaster_last_io_seconds_ago:{silence}\r\n"


def confirmed(answers=(ANSWER,) * 3, said=None, second=None, count=1, excluded=()):
    nodes = {PRIMARY: Node(said or primary(), excluded), FIRST: Node(None), SECOND: Node(second)}
    return FailoverSafetyCheck(Sentinels(answers), nodes, 2).is_failover_safe(PRIMARY, count)


def test_it_is_safe_where_whoever_has_it_not_is_known_to_be_cut_off():
    assert confirmed()


def test_two_sentinels_are_enough_and_one_is_not():
    assert confirmed((ANSWER, ANSWER, None))
    assert not confirmed((ANSWER, None, None))


@pytest.mark.parametrize(
    "change",
    [
        {"linked": BOTH},
        {"primary": SECOND},
        {"primary_is_up": False},
        {"replicas": frozenset({FIRST})},
        {"is_failing_over": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_it_is_not_where_the_sentinels_say_anything_else(change):
    assert not confirmed((replace(ANSWER, **change),) * 3)


def test_one_sentinel_that_replaces_the_primary_is_too_many():
    assert not confirmed((ANSWER, ANSWER, replace(ANSWER, is_failing_over=True)))


def test_a_replica_that_does_not_confirm_the_probe_does_not_have_the_write():
    # The second one is linked, and confirms: the first may have nothing of it.
    assert not confirmed(said=primary(first=90, second=100))


def test_a_write_whose_only_replica_is_gone_since_is_not_safe():
    assert not confirmed(said=["master", 100, [[FIRST.host, "6379", "90"]]])


@pytest.mark.parametrize(
    ("second", "is_safe"),
    [(replica(STALLED_S), True), (replica(STALLED_S - 1), False), (replica(STALLED_S, "master"), False), (None, False)],
)
def test_a_linked_one_that_says_it_hears_nothing_is_behind_too(second, is_safe):
    assert confirmed((replace(ANSWER, linked=BOTH),) * 3, second=second) is is_safe


INELIGIBLE = replace(ANSWER, linked=BOTH, ineligible=frozenset({SECOND}))


def test_a_write_without_a_replica_that_is_excluded_and_ineligible_is_safe():
    assert confirmed((INELIGIBLE,) * 3, excluded=[SECOND])
    assert confirmed((INELIGIBLE, None, INELIGIBLE), excluded=[SECOND])


def test_a_priority_of_0_alone_excludes_no_replica_because_the_report_may_be_old():
    assert not confirmed((INELIGIBLE,) * 3)
    assert not confirmed((INELIGIBLE,) * 3, excluded=[FIRST])


def test_one_sentinel_that_finds_an_excluded_replica_electable_is_enough_to_wait_for_it():
    assert not confirmed((INELIGIBLE, INELIGIBLE, replace(INELIGIBLE, ineligible=frozenset())), excluded=[SECOND])


def test_an_excluded_replica_does_not_make_a_lone_sentinel_a_majority():
    assert not confirmed((INELIGIBLE, None, None), excluded=[SECOND])


def test_a_write_that_only_the_excluded_replica_has_is_not_safe():
    ahead = primary(first=90, second=100)
    assert not confirmed((INELIGIBLE,) * 3, said=ahead, excluded=[SECOND])
    first_is_down = replace(INELIGIBLE, linked=frozenset({SECOND}))
    assert not confirmed((first_is_down,) * 3, said=ahead, excluded=[SECOND])


@pytest.mark.parametrize("said", [["slave", "10.0.0.9", 6379, "connected", 100], None])
def test_nobody_vouches_for_a_primary_that_is_none_or_does_not_answer(said):
    nodes = {PRIMARY: Node(said), FIRST: Node(None), SECOND: Node(None)}
    assert not FailoverSafetyCheck(Sentinels((ANSWER,) * 3), nodes, 2).is_failover_safe(PRIMARY, 1)
