"""The concurrency limit: threads beyond it wait in order of arrival, for a limited time and in a limited number."""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from evergreen.thread_team import ThreadTeam
from shop.concurrency import ConcurrencyLimit, Overloaded
from tests.stack_fixtures import wait_until

TIMEOUT_S = 10


@pytest.fixture
def limit() -> ConcurrencyLimit:
    return ConcurrencyLimit(1, 3)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def taken_slot(limit: ConcurrencyLimit) -> Iterator[ExitStack]:
    """Holds the only slot until it is closed."""
    with ExitStack() as slot:
        slot.enter_context(limit.acquired())
        yield slot


def work(limit: ConcurrencyLimit, task: Callable[[], object] = lambda: None, timeout_s: float = TIMEOUT_S) -> str:
    with limit.acquired(timeout_s):
        task()
        return "worked"


def waiting(limit: ConcurrencyLimit, threads: ThreadPoolExecutor, place: int, *arguments: object) -> Future[str]:
    """Submit work, and return when it waits at this place of the queue, counted from 1."""
    future = threads.submit(work, limit, *arguments)
    wait_until(lambda: len(limit._waiting) == place)
    return future


def test_a_slot_is_released_when_the_block_raises(limit: ConcurrencyLimit):
    with pytest.raises(ZeroDivisionError), limit.acquired():
        _ = 1 / 0
    assert [work(limit) for _ in range(3)] == ["worked"] * 3


def test_waiting_threads_get_the_slot_in_order_of_arrival(limit, threads, taken_slot):
    order: list[int] = []
    futures = [waiting(limit, threads, place + 1, lambda place=place: order.append(place)) for place in range(3)]
    taken_slot.close()
    assert [future.result(TIMEOUT_S) for future in futures] == ["worked"] * 3
    assert order == [0, 1, 2]


def test_a_thread_that_times_out_is_overloaded_and_leaves_the_queue(limit, threads, taken_slot):
    with pytest.raises(Overloaded):
        threads.submit(work, limit, timeout_s=0.01).result(TIMEOUT_S)
    later = waiting(limit, threads, 1)
    taken_slot.close()
    assert later.result(TIMEOUT_S) == "worked"
    assert work(limit) == "worked"


def test_a_thread_beyond_the_length_of_the_queue_is_overloaded_at_once(limit, threads, taken_slot):
    futures = [waiting(limit, threads, place + 1) for place in range(3)]
    with pytest.raises(Overloaded):
        threads.submit(work, limit).result(TIMEOUT_S)
    taken_slot.close()
    assert [future.result(TIMEOUT_S) for future in futures] == ["worked"] * 3


def test_a_released_slot_serves_another_thread_and_is_reacquired(limit, threads):
    order: list[str] = []
    has_released, may_resume, may_end = threading.Event(), threading.Event(), threading.Event()

    def block_on_io() -> None:
        with limit.acquired():
            with limit.released():
                has_released.set()
                may_resume.wait(TIMEOUT_S)
            order.append("resumed")

    resuming = threads.submit(block_on_io)
    assert has_released.wait(TIMEOUT_S)
    first = threads.submit(work, limit, lambda: may_end.wait(TIMEOUT_S))
    wait_until(lambda: not limit._free)
    second = waiting(limit, threads, 1, lambda: order.append("second"))
    may_resume.set()
    wait_until(lambda: limit._resuming)
    may_end.set()
    for future in (first, second, resuming):
        future.result(TIMEOUT_S)
    assert order == ["resumed", "second"]


def test_threads_that_resume_and_threads_that_begin_get_slots_in_turn(limit, threads, taken_slot):
    order: list[str] = []

    def resume() -> None:
        limit._acquire(limit._resuming, -1)
        order.append("resumed")
        limit._release()

    resuming = [threads.submit(resume) for _ in range(3)]
    wait_until(lambda: len(limit._resuming) == 3)
    beginning = [waiting(limit, threads, place + 1, lambda: order.append("begun")) for place in range(2)]
    taken_slot.close()
    for future in (*resuming, *beginning):
        future.result(TIMEOUT_S)
    assert order == ["resumed", "begun", "resumed", "begun", "resumed"]


def test_releasing_without_a_slot_frees_none(limit, taken_slot, threads):
    def release() -> str:
        with limit.released():
            return "released"

    assert threads.submit(release).result(TIMEOUT_S) == "released"
    assert not limit._free


class Mixed:
    """Writes that the store holds up, and reads, by a team of one thread with one slot."""

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self.team = ThreadTeam(self, 1, 20)
        limit.on_block(self.team.blocking)
        self.requests = queue.SimpleQueue[str]()
        self.order: list[str] = []
        self.blocked = threading.Semaphore(0)
        self.may_resume = threading.Event()
        self._limit = limit

    def __call__(self) -> None:
        name = self.requests.get()
        with self._limit.acquired():
            if name == "write":
                with self._limit.released():
                    self.blocked.release()
                    self.may_resume.wait(TIMEOUT_S)
                self._let_a_read_come()
            self.order.append(name)

    def _let_a_read_come(self) -> None:
        """Return when a read waits for the slot, or when none comes."""
        with suppress(pytest.fail.Exception):
            wait_until(lambda: bool(self._limit._waiting or self.order.count("read") == 3), timeout_s=0.5)


def test_while_many_writes_resume_new_requests_are_served_in_between(limit):
    mixed = Mixed(limit)
    mixed.team.start()
    for _ in range(8):
        mixed.requests.put("write")
        assert mixed.blocked.acquire(timeout=TIMEOUT_S)
    with limit.acquired():
        mixed.may_resume.set()
        wait_until(lambda: len(limit._resuming) == 8)
        for _ in range(3):
            mixed.requests.put("read")
    wait_until(lambda: len(mixed.order) == 11)
    mixed.team.stop()
    mixed.requests.put("read")
    assert mixed.order[:7].count("read") == 3
