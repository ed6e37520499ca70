"""What is made of the Sentinels' words, and how many threads share one question."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from shop.repositories.connection import Address
from shop.repositories.sentinels import Sentinels, Shared

PATIENCE = 10
SENTINEL, PRIMARY, OTHER = Address("10.0.0.9", 26379), Address("10.0.0.1", 6379), Address("10.0.0.2", 6379)


class ASentinel:
    is_suspect = False

    def __init__(self, replica):
        self._replica = replica

    def run(self, *commands, timeout):
        described = {"ip": OTHER.host, "port": str(OTHER.port), "flags": "slave", **self._replica}
        return [
            list(PRIMARY),
            ["flags", "master", "config-epoch", "7"],
            [[part for pair in described.items() for part in pair]],
        ]


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
        may_end.wait(PATIENCE)
        outcome = next(outcomes)
        if isinstance(outcome, OSError):
            raise outcome
        return outcome

    ask = Shared(work)
    may_end.set()
    assert ask() == "the first"
    begun.clear()
    may_end.clear()
    with ThreadPoolExecutor() as threads:
        running = threads.submit(ask)
        begun.wait(PATIENCE)
        sharing = [threads.submit(ask) for _ in range(2)]
        may_end.set()
        assert running.result(PATIENCE) == "the second"
        for shared in sharing:
            with pytest.raises((OSError, StopIteration)):
                shared.result(PATIENCE)
