"""A team has its number of ready threads, whatever some of them wait for."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from evergreen import thread_team
from evergreen.thread_team import ThreadTeam
from tests.stack_fixtures import wait_until

SIZE, MAX_THREADS = 2, 5


class Work:
    """Calls that each block until they are released, outside or inside `blocking`."""

    def __init__(self) -> None:
        self.team = ThreadTeam(self, SIZE, MAX_THREADS)
        self.is_blocking = False
        self.started = Counter[str]()
        self._lock = threading.Lock()
        self._blocked, self._working = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self) -> None:
        if self.is_blocking:
            self._count("blocked")
            with self.team.blocking(), self.team.blocking():
                self._blocked.acquire()
        else:
            self._count("working")
            self._working.acquire()

    def _count(self, kind: str) -> None:
        # The first two additions to a Counter lose one where a thread is interrupted in Counter.__missing__.
        with self._lock:
            self.started[kind] += 1

    def unblock(self, calls: int) -> None:
        self._blocked.release(calls)

    def finish(self, calls: int) -> None:
        self._working.release(calls)


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.team.stop()
    work.unblock(100)
    work.finish(100)


def test_as_many_work_at_once_as_the_team_has(work: Work):
    work.team.start()
    wait_until(lambda: work.started["working"] == SIZE)
    work.finish(1)
    wait_until(lambda: work.started["working"] == SIZE + 1)


class Yielding:
    """A lock after whose release every other thread runs first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        time.sleep(0.05)


def test_threads_that_block_while_the_team_starts_are_no_more_than_there_may_be(work: Work):
    team: Any = work.team
    team._lock = Yielding()
    work.is_blocking = True
    work.team.start()
    wait_until(lambda: work.started["blocked"] >= MAX_THREADS)
    time.sleep(0.2)
    assert (work.started["blocked"], work.team.threads) == (MAX_THREADS, MAX_THREADS)


def test_another_thread_works_in_the_place_of_one_that_blocks(work: Work):
    work.is_blocking = True
    work.team.start()
    # Each of them is replaced by one that blocks too, up to the limit.
    wait_until(lambda: work.started["blocked"] == MAX_THREADS)
    work.is_blocking = False
    work.unblock(MAX_THREADS)
    wait_until(lambda: work.started["working"] == SIZE)
    assert work.started["blocked"] == MAX_THREADS


def test_a_thread_that_is_too_many_works_again_when_it_is_needed(work: Work):
    work.is_blocking = True
    work.team.start()
    wait_until(lambda: work.started["blocked"] == MAX_THREADS)
    work.is_blocking = False
    work.unblock(MAX_THREADS)
    wait_until(lambda: work.started["working"] == SIZE)
    work.is_blocking = True
    work.finish(SIZE)
    wait_until(lambda: work.started["blocked"] == 2 * MAX_THREADS)
    assert work.team.threads == MAX_THREADS


def test_a_thread_without_work_ends_after_a_while(work: Work, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(thread_team, "IDLE_S", 0.01)
    work.is_blocking = True
    work.team.start()
    wait_until(lambda: work.started["blocked"] == MAX_THREADS)
    work.is_blocking = False
    work.unblock(MAX_THREADS)
    wait_until(lambda: work.team.threads == SIZE)


def test_a_thread_that_the_system_refuses_is_no_error(work: Work, monkeypatch: pytest.MonkeyPatch):
    work.is_blocking = True
    work.team.start()
    wait_until(lambda: work.started["blocked"] == MAX_THREADS)
    work.is_blocking = False
    work.unblock(MAX_THREADS)
    wait_until(lambda: work.started["working"] == SIZE)

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    alone = ThreadTeam(lambda: None, SIZE, MAX_THREADS)
    alone.start()
    assert alone.threads == 0


def test_outside_of_a_team_blocking_does_nothing(work: Work):
    with work.team.blocking():
        assert work.started == Counter()
