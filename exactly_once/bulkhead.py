"""A bulkhead (Nygard, "Release It!") around writes: those that wait for the store leave threads to the reads."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from exactly_once.errors import StoreUnavailable
from exactly_once.observer import Observer, SilentObserver

#: Writes of one process that are at the store at the same time. More would not be faster: when the store comes back
#: after a failover, hundreds that have waited for it would arrive at once, and reads would suffer.
MAX_CONCURRENT_WRITES = 4


class Places:
    """So many places, which go to those that wait in the order in which they came."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()

    def take(self) -> "threading.Lock | None":
        """Take a place, if one is free; otherwise the turn for `wait`."""
        with self._lock:
            if self._free:
                self._free -= 1
                return None
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
            return turn

    def wait(self, turn: threading.Lock, timeout_s: float) -> bool:
        """Wait for the place of this turn. False where there was none in time."""
        if turn.acquire(timeout=timeout_s):
            return True
        with self._lock:
            if turn not in self._waiting:
                # It was handed over just now.
                return True
            self._waiting.remove(turn)
            return False

    def release(self) -> None:
        """Hand a place over to the first that waits, or free it."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


class Bulkhead:
    """Admits `max_waiting` writes at a time, and lets MAX_CONCURRENT_WRITES of them to the store at once.

    `release_slot` is entered while a write waits for a place: an application that limits its concurrency gives the slot
    of the calling thread to another one meanwhile.
    """

    def __init__(
        self,
        max_waiting: int,
        *,
        release_slot: Callable[[], AbstractContextManager[None]] = nullcontext,
        observer: Observer | None = None,
    ) -> None:
        self._admitted = threading.BoundedSemaphore(max_waiting)
        self._places = Places(MAX_CONCURRENT_WRITES)
        self._release_slot = release_slot
        self._observer: Observer = observer or SilentObserver()

    @contextmanager
    def place(self, deadline: float) -> Iterator[None]:
        """A place at the store for one write, for as long as it takes to be acknowledged.

        Raises:
            StoreUnavailable: as many as may be are under way, and the next one is refused at once; or no place was free
            until `deadline`, on the clock of time.monotonic().
        """
        with self._admission(), self._observer.write_in_progress():
            turn = self._places.take()
            if turn and not self._wait(turn, deadline):
                raise StoreUnavailable("Other writes wait for the store.")
            try:
                yield
            finally:
                self._places.release()

    def _wait(self, turn: threading.Lock, deadline: float) -> bool:
        with self._release_slot():
            return self._places.wait(turn, max(deadline - time.monotonic(), 0))

    @contextmanager
    def _admission(self) -> Iterator[None]:
        if not self._admitted.acquire(blocking=False):
            raise StoreUnavailable("Too many writes are waiting for the store.")
        try:
            yield
        finally:
            self._admitted.release()
