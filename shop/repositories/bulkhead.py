"""How many writes may be under way, so that writes which wait for the store leave threads to the reads."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from shop import telemetry
from shop.domain.errors import StoreUnavailable

#: Writes that are at the store, or look out for it, at the same time, of one process. More would not be faster: when
#: the store comes back after a failover, hundreds that have waited for it would come at once, and reads would notice.
AT_ONCE = 8
#: Seconds that one waits for its turn at most: a write that takes longer must not hold the others up.
TURN = 0.05


class Bulkhead:
    """Admits so many writes at a time, and lets a few of them to the store at once; the others sleep."""

    def __init__(self, admitted: int) -> None:
        self._admitted = threading.BoundedSemaphore(admitted)
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._turn = threading.Lock()

    @contextmanager
    def place(self, deadline: float) -> Iterator[None]:
        """A place at the store for one write, for as long as it takes to be acknowledged.

        Raises:
            StoreUnavailable: as many as may be are under way, and whoever comes next is told so at once; or no place
            was free until `deadline`, in seconds since 1970.
        """
        with self._admission(), telemetry.write_in_progress():
            if not self._places.acquire(timeout=max(deadline - time.time(), 0)):
                raise StoreUnavailable("Other writes wait for the store.")
            try:
                yield
            finally:
                self._places.release()

    @contextmanager
    def turn(self, is_crowded: bool) -> Iterator[None]:
        """Where it `is_crowded`, one try of a write after the other: while hundreds that have waited are carried out,
        each that is worked on at the same time keeps reads waiting for a slice of Python's interpreter, 5 ms."""
        has_turn = is_crowded and self._turn.acquire(timeout=TURN)
        try:
            yield
        finally:
            if has_turn:
                self._turn.release()

    @contextmanager
    def _admission(self) -> Iterator[None]:
        if not self._admitted.acquire(blocking=False):
            raise StoreUnavailable("Too many writes are waiting for the store.")
        try:
            yield
        finally:
            self._admitted.release()
