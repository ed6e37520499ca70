"""What is made of the Sentinels' words, and how many threads share one question."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from exactly_once.client import Address
from exactly_once.sentinels import Consensus, Sentinels, SentinelView, find_consensus, majority_of
from exactly_once.single_flight import SingleFlight

TIMEOUT_S = 10
SENTINEL, PRIMARY, OTHER = Address("10.0.0.9", 26379), Address("10.0.0.1", 6379), Address("10.0.0.2", 6379)
THIRD = Address("10.0.0.3", 6379)


OF_THREE = {"config-epoch": "7", "num-other-sentinels": "2"}


class ASentinel:
    is_suspect = False

    def __init__(self, replica):
        self._replica = replica

    def run(self, *commands, timeout):
        primary = {**node(PRIMARY, "master"), **OF_THREE}
        return [list(PRIMARY), flat(primary), [flat({**node(OTHER, "slave"), **self._replica})]]


def told(**replica):
    with closing(Sentinels([SENTINEL], "evergreen", {SENTINEL: ASentinel(replica)})) as sentinels:
        (answer,) = sentinels.ask()
    return answer


def reported(role, link):
    return told(**{"role-reported": role, "master-link-status": link})


def test_a_replica_in_step_is_up_and_linked():
    answer = reported("slave", "ok")
    assert (answer.up, answer.linked) == ({OTHER}, {OTHER})


def test_the_failovers_are_counted_as_the_sentinel_counts_them():
    assert reported("slave", "ok").epoch == 7


def test_a_former_primary_that_is_back_is_no_replica_to_read_from_or_to_wait_for():
    answer = reported("master", "err")
    assert (answer.up, answer.replicas) == (frozenset(), {OTHER})


def test_a_replica_that_was_just_promoted_is_never_harmless():
    assert reported("master", "ok").linked == {OTHER}


def test_who_shares_a_run_that_fails_hears_of_that_and_of_no_earlier_one():
    begun, may_end = threading.Event(), threading.Event()
    outcomes = iter(["the first", "the second", OSError()])

    def work():
        begun.set()
        may_end.wait(TIMEOUT_S)
        outcome = next(outcomes)
        if isinstance(outcome, OSError):
            raise outcome
        return outcome

    ask = SingleFlight(work)
    may_end.set()
    assert ask() == "the first"
    begun.clear()
    may_end.clear()
    with ThreadPoolExecutor() as threads:
        running = threads.submit(ask)
        begun.wait(TIMEOUT_S)
        sharing = [threads.submit(ask) for _ in range(2)]
        may_end.set()
        assert running.result(TIMEOUT_S) == "the second"
        for shared in sharing:
            with pytest.raises((OSError, StopIteration)):
                shared.result(TIMEOUT_S)


class ASentinelThatFailsOver(ASentinel):
    """It has promoted the replica, and still has a record of the former primary alone."""

    def run(self, *commands, timeout):
        former = {**node(PRIMARY, "s_down,o_down,master,failover_in_progress"), **OF_THREE}
        promoted = {**node(OTHER, "slave,promoted"), "role-reported": "master", "master-link-status": "ok"}
        third = {**node(THIRD, "slave"), "master-link-status": "err", **self._replica}
        return [list(OTHER), flat(former), [flat(promoted), flat(third)]]


def node(address, flags):
    return {"ip": address.host, "port": str(address.port), "flags": flags, "role-reported": "slave"}


def flat(described):
    return [part for pair in described.items() for part in pair]


@pytest.fixture
def failing_over():
    with closing(Sentinels([SENTINEL], "evergreen", {SENTINEL: ASentinelThatFailsOver({})})) as sentinels:
        yield sentinels.ask()[0]


def test_a_promoted_replica_is_the_primary_and_the_former_primary_one_of_its_replicas(failing_over):
    assert (failing_over.primary, failing_over.primary_is_up) == (OTHER, True)
    assert (failing_over.replicas, failing_over.up, failing_over.linked) == ({PRIMARY, THIRD}, {THIRD}, frozenset())


def test_whoever_promotes_one_replaces_every_other(failing_over):
    assert [failing_over.may_replace(address) for address in (PRIMARY, OTHER, THIRD)] == [True, False, True]


def test_who_has_not_promoted_anybody_yet_may_replace_whom_it_names():
    assert replace(reported("slave", "ok"), is_failing_over=True).may_replace(PRIMARY)
    assert not reported("slave", "ok").may_replace(PRIMARY)


def view(primary: Address, down: bool = False, failing_over: bool = False) -> SentinelView:
    none = frozenset()
    return SentinelView(
        primary=primary,
        primary_is_up=not down,
        is_failing_over=failing_over,
        is_promoted=False,
        replicas=none,
        up=none,
        linked=none,
    )


AGREED, NONE = Consensus(primary=PRIMARY), Consensus(primary=None)


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        ([view(PRIMARY), view(PRIMARY), view(OTHER)], AGREED),
        ([view(PRIMARY), view(PRIMARY), None], AGREED),
        ([view(PRIMARY), view(OTHER), None], NONE),
        ([view(PRIMARY), None, None], NONE),
        ([None, None, None], NONE),
        ([view(PRIMARY, down=True), view(PRIMARY), None], AGREED),
        ([view(PRIMARY, down=True), view(PRIMARY, down=True), None], replace(AGREED, primary_is_down=True)),
        ([view(PRIMARY), view(PRIMARY, failing_over=True), None], replace(AGREED, is_failing_over=True)),
    ],
)
def test_a_consensus_takes_a_majority_of_all_sentinels_and_one_failover_is_enough_to_wait(views, expected):
    assert find_consensus(views) == expected


def test_a_sentinel_counts_itself_among_those_that_there_are():
    assert told().sentinels == 3


@pytest.mark.parametrize(
    ("known", "expected"), [([1, 1, 1], 2), ([3, 3, None], 2), ([5, 5, 5], 3), ([3, 4, 3], 3), ([None] * 5, 3)]
)
def test_a_majority_is_one_of_all_sentinels_that_any_of_them_knows(known, expected):
    assert majority_of([number and replace(view(PRIMARY), sentinels=number) for number in known]) == expected
