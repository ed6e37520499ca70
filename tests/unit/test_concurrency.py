"""So many work at a time; the others wait in the order in which they came, or are told that there is no time."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from shop.concurrency import ConcurrencyLimit, Overloaded
from tests.stack_fixtures import wait_until

PATIENCE = 10


@pytest.fixture
def limiter() -> ConcurrencyLimit:
    return ConcurrencyLimit(1, 3)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def busy(limiter: ConcurrencyLimit) -> Iterator[ExitStack]:
    """The only turn is taken, until this is closed."""
    with ExitStack() as turn:
        turn.enter_context(limiter.acquired())
        yield turn


def work(limiter: ConcurrencyLimit, done: Callable[[], None] = lambda: None, patience: float = PATIENCE) -> str:
    with limiter.acquired(patience):
        done()
        return "worked"


def waiting(limiter: ConcurrencyLimit, threads: ThreadPoolExecutor, number: int, *arguments: object) -> Future[str]:
    """Somebody who has begun to wait, as the so manieth."""
    begun = threads.submit(work, limiter, *arguments)
    wait_until(lambda: len(limiter._waiting) == number)
    return begun


def test_turns_are_free_again_afterwards_whatever_happened(limiter):
    with pytest.raises(ZeroDivisionError), limiter.acquired():
        _ = 1 / 0
    assert [work(limiter) for _ in range(3)] == ["worked"] * 3


def test_those_who_wait_go_on_in_the_order_in_which_they_came(limiter, threads, busy):
    order: list[int] = []
    begun = [waiting(limiter, threads, place + 1, lambda place=place: order.append(place)) for place in range(3)]
    busy.close()
    assert [each.result(PATIENCE) for each in begun] == ["worked"] * 3
    assert order == [0, 1, 2]


def test_whose_turn_does_not_come_in_time_is_told_so_and_is_in_nobodys_way(limiter, threads, busy):
    with pytest.raises(Overloaded):
        threads.submit(work, limiter, patience=0.01).result(PATIENCE)
    after = waiting(limiter, threads, 1)
    busy.close()
    assert after.result(PATIENCE) == "worked"
    assert work(limiter) == "worked"


def test_who_comes_when_as_many_wait_as_may_is_told_so_at_once(limiter, threads, busy):
    begun = [waiting(limiter, threads, place + 1) for place in range(3)]
    with pytest.raises(Overloaded):
        threads.submit(work, limiter).result(PATIENCE)
    busy.close()
    assert [each.result(PATIENCE) for each in begun] == ["worked"] * 3


def test_who_rests_lets_another_one_work_and_goes_on_before_those_that_have_not_begun(limiter, threads):
    order: list[str] = []
    is_resting, may_go_on, may_end = threading.Event(), threading.Event(), threading.Event()

    def rester() -> None:
        with limiter.acquired():
            with limiter.released():
                is_resting.set()
                may_go_on.wait(PATIENCE)
            order.append("rested")

    rests = threads.submit(rester)
    assert is_resting.wait(PATIENCE)
    first = threads.submit(work, limiter, lambda: may_end.wait(PATIENCE))
    wait_until(lambda: not limiter._free)
    second = waiting(limiter, threads, 1, lambda: order.append("second"))
    may_go_on.set()
    wait_until(lambda: limiter._resuming)
    may_end.set()
    for each in (first, second, rests):
        each.result(PATIENCE)
    assert order == ["rested", "second"]


def test_who_has_no_turn_may_rest_and_takes_nobodys(limiter, busy, threads):
    def rest() -> str:
        with limiter.released():
            return "rested"

    assert threads.submit(rest).result(PATIENCE) == "rested"
    assert not limiter._free
