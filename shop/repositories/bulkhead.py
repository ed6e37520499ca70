"""How many writes may be under way, so that writes which wait for the store leave threads to the reads."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from shop import telemetry
from shop.domain.errors import StoreUnavailable

#: Writes that are at the store at the same time, of one process. More would not be faster, and when the store comes
#: back after a failover, hundreds that have waited for it would come at once.
AT_ONCE = 16


class Bulkhead:
    """Admits so many writes at a time, and lets a few of them to the store at once."""

    def __init__(self, admitted: int) -> None:
        self._admitted = threading.BoundedSemaphore(admitted)
        self._places = threading.BoundedSemaphore(AT_ONCE)

    @contextmanager
    def admission(self) -> Iterator[None]:
        """For one write, from its first try to its end, however long it waits.

        Raises:
            StoreUnavailable: as many as may be are under way; whoever comes next is told so at once.
        """
        if not self._admitted.acquire(blocking=False):
            raise StoreUnavailable("Too many writes are waiting for the store.")
        try:
            with telemetry.write_in_progress():
                yield
        finally:
            self._admitted.release()

    @contextmanager
    def place(self, deadline: float) -> Iterator[bool]:
        """A place at the store for one try; False where none was free until `deadline`, in seconds since 1970."""
        has_one = self._places.acquire(timeout=max(deadline - time.time(), 0))
        try:
            yield has_one
        finally:
            if has_one:
                self._places.release()
