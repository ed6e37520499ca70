"""How many writes may be under way, so that writes which wait for the store leave threads to the reads."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from shop import telemetry
from shop.concurrency import REQUESTS
from shop.domain.errors import StoreUnavailable

#: Writes that are at the store, or look out for it, at the same time, of one process. More would not be faster: when
#: the store comes back after a failover, hundreds that have waited for it would come at once, and reads would notice.
AT_ONCE = 4


class Bulkhead:
    """Admits so many writes at a time, and lets a few of them to the store at once; the others sleep."""

    def __init__(self, admitted: int) -> None:
        self._admitted = threading.BoundedSemaphore(admitted)
        self._places = threading.BoundedSemaphore(AT_ONCE)

    @contextmanager
    def place(self, deadline: float) -> Iterator[None]:
        """A place at the store for one write, for as long as it takes to be acknowledged.

        Raises:
            StoreUnavailable: as many as may be are under way, and whoever comes next is told so at once; or no place
            was free until `deadline`, in seconds since 1970.
        """
        with self._admission(), telemetry.write_in_progress(), REQUESTS.resting():
            if not self._places.acquire(timeout=max(deadline - time.time(), 0)):
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
