"""A bulkhead (Nygard, "Release It!") around writes: those that wait for the store leave threads to the reads."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from exactly_once.errors import StoreUnavailable
from exactly_once.observer import Observer, SilentObserver

#: Writes of one process that are at the store at the same time. More would not be faster: when the store comes back
#: after a failover, hundreds that have waited for it would arrive at once, and reads would suffer.
MAX_CONCURRENT_WRITES = 4


class Bulkhead:
    """Admits `max_waiting` writes at a time, and lets MAX_CONCURRENT_WRITES of them to the store at once.

    `release_slot` is entered while a write waits or works at the store: an application that limits its concurrency
    gives the slot of the calling thread to another one meanwhile.
    """

    def __init__(
        self,
        max_waiting: int,
        *,
        release_slot: Callable[[], AbstractContextManager[None]] = nullcontext,
        observer: Observer | None = None,
    ) -> None:
        self._admitted = threading.BoundedSemaphore(max_waiting)
        self._places = threading.BoundedSemaphore(MAX_CONCURRENT_WRITES)
        self._release_slot = release_slot
        self._observer: Observer = observer or SilentObserver()

    @contextmanager
    def place(self, deadline: float) -> Iterator[None]:
        """A place at the store for one write, for as long as it takes to be acknowledged.

        Raises:
            StoreUnavailable: as many as may be are under way, and the next one is refused at once; or no place was free
            until `deadline`, on the clock of time.monotonic().
        """
        with self._admission(), self._observer.write_in_progress(), self._release_slot():
            if not self._places.acquire(timeout=max(deadline - time.monotonic(), 0)):
                raise StoreUnavailable("Other writes wait for the store.")
            try:
                yield
            finally:
                self._places.release()

    @contextmanager
    def _admission(self) -> Iterator[None]:
        if not self._admitted.acquire(blocking=False):
            raise StoreUnavailable("Too many writes are waiting for the store.")
        try:
            yield
        finally:
            self._admitted.release()
