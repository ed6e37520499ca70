"""When a Sentinel's replicas are asked out of turn."""

import socket
from contextlib import contextmanager

import pytest

from agents import failover_tuning
from agents.failover_tuning import (
    CALM_MS,
    CALM_POLL_S,
    DOWN_AFTER_MS,
    FRESH_INFO_MS,
    MIN_SILENCE_MS,
    POLL_S,
    SILENCE_MARGIN_MS,
    STARVED_DOWN_AFTER_MS,
    are_fresh,
    choose_down_after_ms,
    choose_pause_s,
    is_silent,
    tune_failover,
)
from agents.starvation import Starvation
from exactly_once.client import Address
from exactly_once.errors import Indeterminate, NotExecuted

ME = Address("127.0.0.1", 26379)
MAX_PRIMARY_SILENCE_MS = DOWN_AFTER_MS - SILENCE_MARGIN_MS


def primary(milliseconds, flags="master", down_after_ms=DOWN_AFTER_MS, port=1):
    return {
        "last-ok-ping-reply": str(milliseconds),
        "flags": flags,
        "down-after-milliseconds": str(down_after_ms),
        "failover-timeout": "3000",
        "ip": "127.0.0.1",
        "port": str(port),
    }


def replica(milliseconds, flags="slave"):
    return {"info-refresh": str(milliseconds), "flags": flags}


def test_a_primary_that_answers_is_left_alone():
    assert not is_silent(primary(MAX_PRIMARY_SILENCE_MS))


def test_a_primary_that_has_stopped_answering_is_silent_until_it_is_found_down():
    assert is_silent(primary(MAX_PRIMARY_SILENCE_MS + 1, "master,disconnected"))
    assert not is_silent(primary(MAX_PRIMARY_SILENCE_MS + 1, "s_down,master,disconnected"))


def test_a_primary_that_may_be_silent_is_looked_at_more_often():
    assert choose_pause_s(primary(CALM_MS)) == CALM_POLL_S
    assert choose_pause_s(primary(CALM_MS + 1)) == POLL_S
    # A look later it is still not asked whether it is dead, nor are its replicas.
    assert min(MIN_SILENCE_MS, MAX_PRIMARY_SILENCE_MS) >= CALM_MS + 1000 * CALM_POLL_S


def test_replicas_are_asked_later_where_a_primary_is_found_down_later():
    assert not is_silent(primary(MAX_PRIMARY_SILENCE_MS + 1, down_after_ms=STARVED_DOWN_AFTER_MS))
    assert is_silent(primary(STARVED_DOWN_AFTER_MS - SILENCE_MARGIN_MS + 1, down_after_ms=STARVED_DOWN_AFTER_MS))


@contextmanager
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("silence_ms", [0, MIN_SILENCE_MS + 1])
def test_a_silent_primary_gets_more_time_where_the_machine_is_starved(silence_ms):
    with listener() as port:
        assert choose_down_after_ms(primary(silence_ms, port=port), is_starved=True) == STARVED_DOWN_AFTER_MS
        assert choose_down_after_ms(primary(silence_ms, port=port), is_starved=False) == DOWN_AFTER_MS


def test_a_dead_primary_gets_no_more_time_where_the_machine_is_starved():
    with listener() as port:
        pass
    assert choose_down_after_ms(primary(MIN_SILENCE_MS + 1, port=port), is_starved=True) == DOWN_AFTER_MS


def test_every_replica_that_can_be_asked_must_have_been():
    assert are_fresh([replica(FRESH_INFO_MS - 1), replica(0)])
    assert not are_fresh([replica(FRESH_INFO_MS), replica(0)])
    assert are_fresh([replica(90_000, "s_down,slave,disconnected"), replica(0)])


class ASentinel:
    """Answers the question for the primary once with this failure, then with a record, then never again."""

    def __init__(self, failure):
        self.outcomes = [failure, primary(0)]
        self.down_after_ms = []

    @property
    def is_running(self):
        return bool(self.outcomes)

    def run(self, command, timeout):
        if command[1] == "SET":
            self.down_after_ms.append(command[-1])
        if command[1] != "MASTER":
            return []
        outcome = self.outcomes.pop(0) if self.outcomes else NotExecuted("gone")
        if isinstance(outcome, Exception):
            raise outcome
        return [[text for pair in outcome.items() for text in pair]]


@pytest.fixture
def sentinel(request, monkeypatch):
    found = ASentinel(request.param)
    monkeypatch.setattr(failover_tuning, "is_running", lambda pid: found.is_running)
    monkeypatch.setattr(Starvation, "pause", lambda self, seconds: None)
    return found


@pytest.mark.parametrize("sentinel", [Indeterminate("late", timed_out=True)], indirect=True)
def test_a_sentinel_that_answered_too_late_shows_that_its_machine_is_starved(sentinel):
    tune_failover({ME: sentinel}, ME, "evergreen", 1)
    assert sentinel.down_after_ms == [STARVED_DOWN_AFTER_MS]


@pytest.mark.parametrize("sentinel", [NotExecuted("refused")], indirect=True)
def test_a_sentinel_that_is_down_does_not_show_that_its_machine_is_starved(sentinel):
    tune_failover({ME: sentinel}, ME, "evergreen", 1)
    assert sentinel.down_after_ms == []
