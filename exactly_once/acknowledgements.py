"""How many replicas a write need not wait longer than for."""

import time
from collections.abc import Callable

from exactly_once.client import Address

#: How long a successful safety check spares the next writes a wait for more replicas, in seconds.
VALID_S = 1.0


class AcceptedCount:
    """The number of replicas with which a write of a primary passed the safety check just now.

    While one replica is silent and the Sentinels still count on it, each write would wait in vain for it before it is
    checked. The number only ends that wait: every write that not all replicas have is checked by itself afterwards.
    Safe to use from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._latest: tuple[Address, int, float] | None = None

    def get(self, primary: Address) -> int | None:
        """The number for this primary, or None where no check has succeeded lately."""
        latest = self._latest
        if latest is None or latest[0] != primary or self._clock() > latest[2]:
            return None
        return latest[1]

    def record(self, primary: Address, count: int) -> None:
        """Remember the outcome of a check of this primary: the number of replicas, 0 where the write is not safe."""
        self._latest = (primary, count, self._clock() + VALID_S) if count else None
