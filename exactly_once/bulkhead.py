"""A bulkhead (Nygard, "Release It!") around writes: those that wait for the store leave threads to the reads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from exactly_once.errors import StoreUnavailable
from exactly_once.observer import Observer, SilentObserver


class Bulkhead:
    """Admits `max_waiting` writes at a time. How many of them are at the store is for group_commit.py to say."""

    def __init__(self, max_waiting: int, *, observer: Observer | None = None) -> None:
        self._free = max_waiting
        self._lock = threading.Lock()
        self._observer: Observer = observer or SilentObserver()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Count a write as under way while the block runs.

        Raises:
            StoreUnavailable: as many as may be are under way, and this one is refused at once.
        """
        with self._lock:
            if not self._free:
                raise StoreUnavailable("Too many writes are waiting for the store.")
            self._free -= 1
        try:
            with self._observer.write_in_progress():
                yield
        finally:
            with self._lock:
                self._free += 1
