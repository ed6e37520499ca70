"""Sockets with something to read, in the order in which they were found so, with how long they have waited.

Threads without work wait in one epoll that they share. The one that an event wakes up takes it with it; nothing is
handed from thread to thread. Where every thread works, the next one that is done takes all events at once and queues
them: from then on their age is known. In an overload the newest are taken first. docs/adr/0037 has the reasons.
"""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

_ONCE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT
_CLOSED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
#: Events taken at once where no other thread waits for one.
MAX_EVENTS = 64
#: Seconds between two looks for events while some are queued: the error of an age.
POLL_INTERVAL_S = 0.002


class Source(Protocol):
    """What can have something to read."""

    def fileno(self) -> int:
        """Return the file descriptor."""
        ...


S = TypeVar("S", bound=Source)


@dataclass(slots=True)
class Ready(Generic[S]):
    """A source that has something to read, since when on the clock of time.monotonic(), whether the other end has
    closed, and whether it was taken because too many waited."""

    source: S
    since: float
    is_closed: bool
    is_surplus: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Overload:
    """When the newest source is taken first: something has waited without a break for `after_s`, or had so within the
    last `lasts_s`: many that are refused at once leave the queue empty for a moment. The oldest is taken all the same
    where it has waited for more than `max_wait_s`, or leaves more than `max_waiting` behind: it is not to be
    answered."""

    after_s: float
    lasts_s: float
    max_wait_s: float
    max_waiting: int


class ReadyQueue(Generic[S]):
    """The sources that threads wait for. Each is reported once after it was armed: in their order, or in an overload,
    if there may be one, the newest first (adaptive LIFO: "Fail at Scale", Maurer, ACM Queue 13(8)). What was put is the
    newest each time, and comes after all others then: a client could be first as long as it sends without a pause."""

    def __init__(self, overload: Overload | None = None) -> None:
        self._overload = overload
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        # By edges: each write wakes up one thread, and nothing needs to be read.
        self._epoll.register(self._wake, select.EPOLLIN | select.EPOLLET)
        self._lock = threading.Lock()
        self._armed: dict[int, S] = {}
        self._urgent: set[int] = set()
        self._ready: deque[Ready[S]] = deque()
        self._put: deque[Ready[S]] = deque()
        self._idle_threads = 0
        self._polled_at = self._empty_at = self._overload_ends_at = time.monotonic()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._ready) + len(self._put)

    @property
    def is_overloaded(self) -> bool:
        """Whether it is an overload now."""
        return self._is_overload_at(time.monotonic())

    def add(self, source: S, *, is_urgent: bool = False) -> None:
        """Wait for a new source, too. An urgent one comes before all others."""
        number = source.fileno()
        if is_urgent:
            self._urgent.add(number)
        self._armed[number] = source
        self._epoll.register(number, _ONCE)

    def arm(self, source: S) -> None:
        """Wait for a source again that was taken."""
        number = source.fileno()
        self._armed[number] = source
        self._epoll.modify(number, _ONCE)

    def put(self, source: S) -> None:
        """Queue a source behind the others that has more to read, of which the system knows nothing."""
        with self._lock:
            now = time.monotonic()
            self._begin_age(now)
            self._put.append(Ready(source, now, False))
            is_wanted = self._idle_threads > 0
        if is_wanted:
            self._wake_one()

    def disarm(self, source: S) -> bool:
        """Stop waiting for this source. False where it was taken before."""
        with self._lock:
            # The system may have given its number to another source by now.
            number = source.fileno()
            if self._armed.get(number) is not source:
                return False
            del self._armed[number]
            with suppress(OSError, ValueError):
                self._epoll.unregister(number)
        return True

    @property
    def armed(self) -> Sequence[S]:
        """The sources that are waited for now."""
        return tuple(self._armed.values())

    def take(self) -> Ready[S] | None:
        """Wait for the next source, and return it; None after the queue was closed."""
        while not self._is_closed:
            with self._lock:
                is_idle = not len(self)
                self._idle_threads += is_idle
                are_others_idle = self._idle_threads > 1
            if is_idle:
                self._poll(-1, 1 if are_others_idle else MAX_EVENTS)
            elif time.monotonic() - self._polled_at >= POLL_INTERVAL_S:
                self._poll(0, MAX_EVENTS)
            with self._lock:
                self._idle_threads -= is_idle
                found = self._next()
                is_more = len(self) > 0 and self._idle_threads > 0
            if is_more:
                self._wake_one()
            if found:
                return found
        self._wake_one()
        return None

    def close(self) -> None:
        """Let every thread that waits, or comes to wait, return."""
        self._is_closed = True
        self._wake_one()

    def _next(self) -> Ready[S] | None:
        now = time.monotonic()
        if self._overload and self._has_waited_at(now):
            self._overload_ends_at = now + self._overload.lasts_s
        found = self._pop(now) if len(self) else None
        if not len(self):
            self._empty_at = time.monotonic()
        return found

    def _pop(self, now: float) -> Ready[S]:
        overload, queue = self._overload, self._queue_of_oldest()
        # Decided here: others may come before the one that is taken is looked at.
        is_surplus = overload is not None and len(self) - 1 > overload.max_waiting
        if is_surplus or self._is_oldest_next(queue[0], now):
            found = queue.popleft()
        else:
            found = self._ready.pop() if self._ready else self._put.popleft()
        found.is_surplus = is_surplus
        return found

    def _queue_of_oldest(self) -> deque[Ready[S]]:
        if not (self._ready and self._put):
            return self._ready or self._put
        first = self._ready[0]
        is_first = self._is_urgent(first) or first.since <= self._put[0].since
        return self._ready if is_first else self._put

    def _is_oldest_next(self, oldest: Ready[S], now: float) -> bool:
        overload = self._overload
        if overload is None or not self._is_overload_at(now):
            return True
        return now - oldest.since > overload.max_wait_s or self._is_urgent(oldest)

    def _is_overload_at(self, now: float) -> bool:
        return now < self._overload_ends_at or self._has_waited_at(now)

    def _has_waited_at(self, now: float) -> bool:
        """Whether something has waited without a break for as long as makes an overload."""
        overload = self._overload
        return overload is not None and len(self) > 0 and now - self._empty_at > overload.after_s

    def _is_urgent(self, ready: Ready[S]) -> bool:
        return ready.source.fileno() in self._urgent

    def _begin_age(self, now: float) -> None:
        if not len(self):
            self._empty_at = now

    def _poll(self, timeout_s: float, max_events: int) -> None:
        events = self._epoll.poll(timeout_s, max_events)
        now = self._polled_at = time.monotonic()
        with self._lock:
            for number, mask in events:
                source = self._armed.pop(number, None)
                if source is None:
                    # The wake-up call, or a source that was disarmed just now.
                    continue
                self._begin_age(now)
                add = self._ready.appendleft if number in self._urgent else self._ready.append
                add(Ready(source, now, bool(mask & _CLOSED)))

    def _wake_one(self) -> None:
        os.eventfd_write(self._wake, 1)
