"""How many writes may be under way, so that writes which wait for the store leave threads to the reads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shop.domain.errors import StoreUnavailable


class Bulkhead:
    """Places for writes. While the store works, a write waits for a place, which takes milliseconds; while any write is
    stalled, places stay taken for seconds, and whoever finds none is told so at once."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._stalled = 0
        self._changed = threading.Condition()

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place, for as long as the block runs.

        Raises:
            StoreUnavailable: all places are taken, and the store is stalled.
        """
        with self._changed:
            while not self._free:
                if self._stalled:
                    raise StoreUnavailable("Too many writes are waiting for the store.")
                self._changed.wait()
            self._free -= 1
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify()

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """For as long as the block runs, a write waits for the store."""
        with self._changed:
            self._stalled += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._stalled -= 1
