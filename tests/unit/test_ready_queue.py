"""Sources are taken once each time they are armed, in their order, by whichever thread is free."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from evergreen.ready_queue import Overload, ReadyQueue
from tests.stack_fixtures import wait_until

TIMEOUT_S = 20


@pytest.fixture
def queue() -> Iterator[ReadyQueue[socket.socket]]:
    queue = ReadyQueue[socket.socket]()
    yield queue
    queue.close()


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Ends of connections: the one to wait for, and the other one."""
    with ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(20)]
        for pair in pairs:
            for end in pair:
                stack.enter_context(end)
        yield pairs


def test_what_is_ready_is_taken_in_its_order_and_its_wait_counts(queue, pairs):
    before = time.monotonic()
    for source, other in pairs:
        queue.add(source)
        other.sendall(b"1")
    taken = [queue.take() for _ in pairs]
    assert [each.source for each in taken] == [source for source, _ in pairs]
    assert all(before <= each.since <= time.monotonic() for each in taken)
    assert len(queue) == 0


def test_an_urgent_source_comes_first(queue, pairs):
    (first, first_other), (last, last_other), *_ = pairs
    queue.add(first)
    queue.add(last, is_urgent=True)
    first_other.sendall(b"1")
    last_other.sendall(b"1")
    assert [queue.take().source for _ in range(2)] == [last, first]


def in_overload(max_waiting: int = 99) -> ReadyQueue[socket.socket]:
    """A queue in which the newest come first from the beginning."""
    return ReadyQueue(Overload(after_s=-1.0, lasts_s=0.0, max_wait_s=60.0, max_waiting=max_waiting))


def test_in_an_overload_the_newest_is_taken_first(pairs):
    queue = in_overload()
    for source, other in pairs[:5]:
        queue.add(source)
        other.sendall(b"1")
    assert [queue.take().source for _ in range(5)] == [source for source, _ in reversed(pairs[:5])]


def test_in_an_overload_the_oldest_is_taken_where_it_has_waited_too_long(pairs):
    queue = in_overload()
    for source, other in pairs[:3]:
        queue.add(source)
        other.sendall(b"1")
    queue.take()
    queue._ready[0].since -= 61
    assert [queue.take().source for _ in range(2)] == [pairs[0][0], pairs[1][0]]


def test_in_an_overload_the_oldest_are_taken_while_too_many_wait(pairs):
    queue = in_overload(max_waiting=2)
    for source, other in pairs[:4]:
        queue.add(source)
        other.sendall(b"1")
    order = [pairs[place][0] for place in (0, 3, 2, 1)]
    assert [queue.take().source for _ in range(4)] == order


def test_in_an_overload_an_urgent_source_comes_first(pairs):
    queue, (first, last) = in_overload(), pairs[:2]
    queue.add(first[0], is_urgent=True)
    queue.add(last[0])
    for _, other in (first, last):
        other.sendall(b"1")
    assert queue.take().source is first[0]


def test_in_an_overload_a_source_that_is_put_again_and_again_comes_after_the_others(pairs):
    queue = in_overload()
    for source, other in pairs[:4]:
        queue.add(source)
        other.sendall(b"1")
    taken = [queue.take().source]
    for _ in range(4):
        # As a worker does with a client whose next request is there already.
        if taken[-1] is taken[0]:
            queue.put(taken[0])
        taken.append(queue.take().source)
    assert taken == [pairs[place][0] for place in (3, 2, 1, 0, 3)]


def test_in_an_overload_a_source_that_was_put_is_taken_once_it_has_waited_too_long(pairs):
    queue = in_overload()
    for source, other in pairs[:2]:
        queue.add(source)
        other.sendall(b"1")
    queue.put(queue.take().source)
    queue._put[0].since -= 61
    assert [queue.take().source for _ in range(2)] == [pairs[1][0], pairs[0][0]]


def test_without_an_overload_a_source_that_is_put_comes_in_its_turn(queue, pairs):
    (first, first_other), (second, second_other), (third, third_other), *_ = pairs
    for source, other in ((first, first_other), (second, second_other)):
        queue.add(source)
        other.sendall(b"1")
    queue.put(queue.take().source)
    queue.add(third)
    third_other.sendall(b"1")
    queue._polled_at = 0.0
    assert [queue.take().source for _ in range(3)] == [second, first, third]


def test_what_was_taken_is_surplus_by_what_waited_then(pairs):
    queue = in_overload(max_waiting=2)
    for source, other in pairs[:4]:
        queue.add(source)
        other.sendall(b"1")
    assert [queue.take().is_surplus for _ in range(4)] == [True, False, False, False]


def test_without_a_break_of_waiting_that_is_long_enough_the_order_is_that_of_arrival(pairs):
    queue: ReadyQueue[socket.socket] = ReadyQueue(Overload(after_s=60.0, lasts_s=0.0, max_wait_s=0.0, max_waiting=0))
    for source, other in pairs[:3]:
        queue.add(source)
        other.sendall(b"1")
    assert [queue.take().source for _ in range(3)] == [source for source, _ in pairs[:3]]


def test_an_overload_lasts_for_a_while_after_nothing_waits_any_more(pairs):
    queue: ReadyQueue[socket.socket] = ReadyQueue(Overload(after_s=0.02, lasts_s=0.5, max_wait_s=60.0, max_waiting=99))
    for source, other in pairs[:3]:
        queue.add(source)
        other.sendall(b"1")
    queue.take()
    assert not queue.is_overloaded
    time.sleep(0.03)
    queue.take()
    queue.take()
    assert (len(queue), queue.is_overloaded) == (0, True)
    wait_until(lambda: not queue.is_overloaded)


def test_a_source_is_reported_again_once_it_is_armed(queue, pairs):
    (source, other), *_ = pairs
    queue.add(source)
    other.sendall(b"1")
    queue.take()
    other.sendall(b"2")
    assert not queue.armed
    queue.arm(source)
    assert queue.take().source is source


def test_a_source_whose_other_end_has_closed_says_so(queue, pairs):
    (source, other), *_ = pairs
    queue.add(source)
    other.close()
    assert queue.take().is_closed


def test_a_disarmed_source_is_not_reported(queue, pairs):
    (source, other), (second, second_other), *_ = pairs
    queue.add(source)
    queue.add(second)
    assert queue.disarm(source)
    assert not queue.disarm(source)
    other.sendall(b"1")
    second_other.sendall(b"1")
    assert queue.take().source is second


def test_the_age_of_the_queue_begins_anew_when_it_was_empty(queue, pairs):
    for source, other in pairs:
        queue.add(source)
        other.sendall(b"1")
    queue.take()
    began_at = queue._empty_at
    for _ in pairs[2:]:
        queue.take()
    assert queue._empty_at == began_at
    queue.take()
    assert queue._empty_at > began_at


@pytest.mark.parametrize("is_read_already", [False, True])
def test_the_age_of_the_queue_does_not_count_the_time_without_requests(queue, pairs, is_read_already):
    (source, _), *_ = pairs
    queue._empty_at = idle_since = time.monotonic() - 100
    if is_read_already:
        queue.put(source)
    else:
        for each, other in pairs[:2]:
            queue.add(each)
            other.sendall(b"1")
        queue.take()
    assert len(queue) == 1
    assert queue._empty_at > idle_since + 50


def test_a_source_that_was_closed_does_not_disarm_another_one_with_its_number(queue, pairs):
    (source, other), *_ = pairs

    class Closed:
        def fileno(self) -> int:
            return source.fileno()

    queue.add(source)
    assert not queue.disarm(Closed())
    assert queue.armed == (source,)
    other.sendall(b"1")
    assert queue.take().source is source


def test_every_waiting_thread_ends_when_the_queue_is_closed(queue):
    threads = [threading.Thread(target=queue.take, daemon=True) for _ in range(5)]
    for thread in threads:
        thread.start()
    wait_until(lambda: queue._idle_threads == len(threads))
    queue.close()
    for thread in threads:
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()
    assert queue.take() is None


def test_no_event_is_lost_and_none_is_taken_twice(queue, pairs):
    rounds, taken, lock = 200, Counter[int](), threading.Lock()
    turns = {source.fileno(): threading.Semaphore(0) for source, _ in pairs}

    def serve() -> None:
        while (ready := queue.take()) is not None:
            received = ready.source.recv(1)
            with lock:
                taken[ready.source.fileno()] += len(received)
            queue.arm(ready.source)
            turns[ready.source.fileno()].release()

    def send(source: socket.socket, other: socket.socket) -> None:
        for _ in range(rounds):
            other.sendall(b"1")
            assert turns[source.fileno()].acquire(timeout=TIMEOUT_S)

    servers = [threading.Thread(target=serve, daemon=True) for _ in range(4)]
    senders = [threading.Thread(target=send, args=pair, daemon=True) for pair in pairs]
    for source, _ in pairs:
        queue.add(source)
    for thread in (*servers, *senders):
        thread.start()
    for thread in senders:
        thread.join(TIMEOUT_S)
    queue.close()
    for thread in servers:
        thread.join(TIMEOUT_S)
    assert taken == Counter({source.fileno(): rounds for source, _ in pairs})
