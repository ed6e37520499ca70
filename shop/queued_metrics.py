"""Values of Prometheus metrics that are counted without a lock: counts are queued, and added up in batches.

For each count, prometheus_client takes a lock that all threads of a process share, asks the system for the process id,
and writes to a mapped file. Here a count is one append to a deque, which is atomic by its documentation. A batch takes
the lock once for each value that it changes. What a process reports of itself is exact: it adds up before it answers.
Of another process of the instance it is PUBLISH_INTERVAL_S old at most, and one that is killed takes as much with it.
"""

import atexit
import os
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from functools import partial
from time import sleep
from typing import Any

import prometheus_client
from prometheus_client import values

#: Counts after which the next thread adds them up. While it does, others append what they count.
MAX_QUEUED = 1024
PUBLISH_INTERVAL_S = 1.0

_StoredValue = values.ValueClass


class CountQueue:
    """Counts that are not in the metrics yet. Thread-safe."""

    def __init__(self) -> None:
        self._counts: deque[tuple[Any, float]] = deque()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, stored: Any, amount: float) -> None:
        """Queue a count. It does not wait for another thread."""
        self._counts.append((stored, amount))
        if len(self._counts) >= MAX_QUEUED and self._lock.acquire(blocking=False):
            try:
                self._add_up()
            finally:
                self._lock.release()

    def publish(self) -> None:
        """Return when every count that was queued before is in the metrics."""
        with self._lock:
            self._add_up()

    def reset(self) -> None:
        """Begin a forked process: the queued counts are those of its parent, and its lock may be held for ever."""
        self._counts.clear()
        self._lock = threading.Lock()

    def _add_up(self) -> None:
        sums: dict[Any, float] = {}
        # Only the thread that holds the lock removes any.
        for _ in range(len(self._counts)):
            stored, amount = self._counts.popleft()
            sums[stored] = sums.get(stored, 0.0) + amount
        for stored, amount in sums.items():
            stored.inc(amount)


QUEUE = CountQueue()
os.register_at_fork(after_in_child=QUEUE.reset)


class QueuedValue:
    """A value of prometheus_client whose increments are queued."""

    __slots__ = ("_stored", "inc")
    _multiprocess = _StoredValue._multiprocess

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._stored = _StoredValue(*args, **kwargs)
        #: Add an amount without waiting. No method: one call less for each count.
        self.inc = partial(QUEUE.add, self._stored)

    def set(self, value: float, timestamp: float | None = None) -> None:
        """Replace the value, queued increments included."""
        QUEUE.publish()
        self._stored.set(value, timestamp)

    def get(self) -> float:
        """Return the value, queued increments included."""
        QUEUE.publish()
        value: float = self._stored.get()
        return value

    def set_exemplar(self, exemplar: Any) -> None:
        self._stored.set_exemplar(exemplar)

    def get_exemplar(self) -> Any:
        return self._stored.get_exemplar()


# The library's own methods take three to six calls for one count, to find out what is the same each time. A metric that
# lacks its labels has no value, and is an AttributeError.


class Counter(prometheus_client.Counter):
    """A counter that is counted by one call."""

    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        """Add to it."""
        if exemplar or amount < 0:
            super().inc(amount, exemplar)
        else:
            self._value.inc(amount)


class Gauge(prometheus_client.Gauge):
    """A gauge that is raised and lowered by one call."""

    def inc(self, amount: float = 1) -> None:
        """Raise it."""
        if self._is_most_recent:
            super().inc(amount)
        else:
            self._value.inc(amount)

    def dec(self, amount: float = 1) -> None:
        """Lower it."""
        self.inc(-amount)


class Histogram(prometheus_client.Histogram):
    """A histogram that finds the bucket of an observation by bisection."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Add an observation, which is a number."""
        if exemplar:
            super().observe(amount, exemplar)
        else:
            self._sum.inc(amount)
            self._buckets[bisect_left(self._upper_bounds, amount)].inc(1)


def install() -> None:
    """Make QueuedValue the value of every metric that is made from now on."""
    values.ValueClass = QueuedValue


def publish_regularly(measure: Callable[[], None]) -> threading.Thread:
    """Call `measure` and publish every PUBLISH_INTERVAL_S, for the other processes of the instance; publish when this
    one ends, too."""
    atexit.register(QUEUE.publish)
    thread = threading.Thread(target=_publish_regularly, args=(measure,), name="metrics", daemon=True)
    thread.start()
    return thread


def _publish_regularly(measure: Callable[[], None]) -> None:
    while True:
        sleep(PUBLISH_INTERVAL_S)
        measure()
        QUEUE.publish()
