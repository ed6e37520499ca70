"""A concurrency limit: how many requests a process serves at once. The others wait in order of arrival.

A thread that waits for the GIL wakes up every 5 ms to request it. Hundreds of them, in an overload or after a failover,
take the CPU from the thread that holds it: responses are so late that nginx retries them on the other instance as well,
and neither recovers. docs/adr/0013 has the figures.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

MAX_CONCURRENT_REQUESTS, MAX_WAITING_REQUESTS = 4, 300
#: Seconds for which requests have waited without a break after which it is an overload and no burst. The writes that
#: a failover held up are carried out within that time.
OVERLOAD_AFTER_S = 3.0
#: Seconds for which it counts as one after that: longer than it takes to find out that it is still one.
OVERLOAD_LASTS_S = 4.0
#: Probes and metrics never wait for a slot, and are never shed: they are needed most under overload.
UNLIMITED_PATHS = frozenset({"/livez", "/readyz", "/metrics"})
#: Of the WSGI environment, where the server found that the request has waited too long.
SHED_KEY = "evergreen.shed"


class Overloaded(Exception):
    """No slot was free in time, or too many requests wait already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitLimits:
    """How long requests may wait until they are begun, in seconds: a read, a write, and either in an overload."""

    read_s: float = 1.5
    write_s: float = 3.0
    overload_s: float = 0.5

    def is_exceeded(self, waited_s: float, *, is_overload: bool, is_write: bool) -> bool:
        """Whether a request has waited too long (as in "Fail at Scale", Maurer, ACM Queue 13(8), after CoDel, RFC
        8289)."""
        if waited_s <= self.overload_s:
            return False
        return is_overload or waited_s > (self.write_s if is_write else self.read_s)


class ConcurrencyLimit:
    """A limit of `slots` threads, for which at most `max_waiting` others wait. A thread can release its slot while it
    blocks on I/O."""

    def __init__(self, slots: int, max_waiting: int) -> None:
        self._slots = slots
        self._free = slots
        self._max_waiting = max_waiting
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._resuming: deque[threading.Lock] = deque()
        self._was_resuming = False
        self._of_thread = threading.local()
        self._blocking: Callable[[], AbstractContextManager[None]] = nullcontext
        self._count_unstarted: Callable[[], int] = lambda: 0
        #: For a server that lets requests wait before there is a thread for them.
        self.wait_limits = WaitLimits()

    @property
    def slots(self) -> int:
        """How many threads work at once."""
        return self._slots

    @property
    def max_waiting(self) -> int:
        """How many may wait for a slot."""
        return self._max_waiting

    @property
    def in_work(self) -> int:
        """How many threads hold a slot now. One that has released it, because it blocks on I/O, is not counted."""
        return self._slots - self._free

    @property
    def waiting(self) -> int:
        """How many requests wait for a slot now: new ones, those for which the server has no thread yet, and those
        that re-acquire their slot after they blocked."""
        return len(self._waiting) + len(self._resuming) + self._count_unstarted()

    def on_waiting(self, count_unstarted: Callable[[], int]) -> None:
        """Count among those that wait the requests that the server has not handed to a thread."""
        self._count_unstarted = count_unstarted

    def on_block(self, blocking: Callable[[], AbstractContextManager[None]]) -> None:
        """Enter `blocking` too, around each block in which a thread blocks on I/O."""
        self._blocking = blocking

    def set_limits(self, slots: int, max_waiting: int) -> None:
        """Change both limits, before the first thread acquires a slot."""
        with self._lock:
            if self._free != self._slots:
                raise RuntimeError("Limits cannot change while slots are in use.")
            self._slots = self._free = slots
            self._max_waiting = max_waiting

    @contextmanager
    def acquired(self, timeout_s: float = -1) -> Iterator[None]:
        """Hold a slot while the block runs; wait `timeout_s` seconds for it at most, or as long as it takes.

        Raises:
            Overloaded: no slot was free by then, or too many threads wait already.
        """
        self._acquire(self._waiting, timeout_s)
        self._of_thread.has_slot = True
        try:
            yield
        finally:
            self._of_thread.has_slot = False
            self._release()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Release the slot while the block blocks on I/O, and re-acquire it afterwards: threads that resume and threads
        that begin get slots in turn. A thread that has no slot gets none."""
        has_slot = getattr(self._of_thread, "has_slot", False)
        if has_slot:
            self._of_thread.has_slot = False
            self._release()
        with self._blocking():
            try:
                yield
            finally:
                if has_slot:
                    # Within `blocking`: a thread that waits for its slot is not ready for another request.
                    self._acquire(self._resuming, -1)
                    self._of_thread.has_slot = True

    def _acquire(self, queue: deque[threading.Lock], timeout_s: float) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            if queue is self._waiting and len(queue) >= self._max_waiting:
                raise Overloaded
            slot = threading.Lock()
            slot.acquire()
            queue.append(slot)
        if slot.acquire(timeout=timeout_s):
            return
        with self._lock:
            # The slot may have been handed over just now.
            if slot in queue:
                queue.remove(slot)
                raise Overloaded

    def _release(self) -> None:
        with self._lock:
            # In turn: after a failover hundreds resume at once, and reads must not wait for all of them.
            queues = (self._waiting, self._resuming) if self._was_resuming else (self._resuming, self._waiting)
            queue = queues[0] or queues[1]
            self._was_resuming = queue is self._resuming
            if queue:
                queue.popleft().release()
            else:
                self._free += 1


#: Of this process; the application sets the limits that are configured. More slots would not be faster: they share one
#: interpreter. As many as may wait are served in about a second.
REQUESTS = ConcurrencyLimit(MAX_CONCURRENT_REQUESTS, MAX_WAITING_REQUESTS)
