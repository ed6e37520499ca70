"""The age of a request at its receipt, found without the clock of another machine.

nginx stamps each request once, by its own clock, and a retry has the stamp of the first delivery. Receipt minus stamp
is therefore the age plus a constant of the two clocks. The least difference of the last minute belongs to a request
that came at once, so what another one has above it is its age. Receipts are on the clock of time.monotonic(), which
nothing sets. docs/adr/0023 has the reasons.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

#: The minimum is over this time and the same again before it.
BUCKET_S = 30.0
#: Before it has seen so much, an estimate is of no use: the first request may be a retry.
MIN_SAMPLES, MIN_WATCHED_S = 20, 5.0
#: nginx sends a request within milliseconds, and retries after seconds. One that takes longer may be a retry.
MAX_FIRST_DELIVERY_S = 1.0
#: nginx waits no longer for an answer (docs/adr/0023). A request that seems older was stamped before a clock was set.
MAX_WAIT_S = 12.0
#: Unless this process received nothing for a while: it may have been frozen, and the request may have lain in its
#: socket longer than outcomes are recorded.
MIN_FREEZE_S, MAX_AGE_S = 10.0, 300.0
#: Addresses of nginx that are remembered.
MAX_SOURCES = 16


@dataclass(frozen=True, slots=True)
class Arrival:
    """The age in seconds, None where it is unknown; and whether the request lay in a frozen process for too long."""

    age_s: float | None
    is_stale: bool = False


class WindowMinimum:
    """The least value of one or two buckets."""

    def __init__(self) -> None:
        self._former = self._current = math.inf

    def add(self, value: float) -> float:
        """Add a value; return the minimum."""
        self._current = min(self._current, value)
        return min(self._former, self._current)

    def rotate(self) -> float:
        """Begin a bucket, and drop the one before the last. Return the minimum of the last."""
        self._former, self._current = self._current, math.inf
        return self._former


class Source:
    """What one nginx has sent. `on_offset` gets the difference of the wall clocks after each bucket."""

    def __init__(self, at: float, on_offset: Callable[[float], None]) -> None:
        self._started_at = self._bucket_at = at
        self._on_offset = on_offset
        self._samples = 0
        self._differences, self._offsets = WindowMinimum(), WindowMinimum()

    def age_s(self, stamp: float, at: float, wall: float) -> float | None:
        """The age of a request that was received now; None where it cannot be estimated yet."""
        if at - self._bucket_at >= BUCKET_S:
            self._bucket_at = at
            self._differences.rotate()
            self._on_offset(self._offsets.rotate())
        self._samples += 1
        self._offsets.add(wall - stamp)
        age = at - stamp - self._differences.add(at - stamp)
        if self._samples >= MIN_SAMPLES and at - self._started_at >= MIN_WATCHED_S:
            return age
        # Clocks that agree say it at once. Where they do not, the request is too old or from the future.
        return wall - stamp if 0 <= wall - stamp <= MAX_FIRST_DELIVERY_S else None


class Arrivals:
    """The requests that this process receives. Thread-safe."""

    def __init__(self, on_offset: Callable[[float], None]) -> None:
        self._on_offset = on_offset
        self._lock = threading.Lock()
        self._sources: dict[str, Source] = {}
        self._last_at, self._resumed_at = math.inf, -math.inf

    def receive(self, address: str, stamp: float, at: float, wall: float) -> Arrival:
        """Note a request of the nginx at this address. `at` is now on the clock of time.monotonic(), `wall` on the
        clock of this machine."""
        with self._lock:
            if at - self._last_at >= MIN_FREEZE_S:
                self._resumed_at = at
            self._last_at = at
            age = self._source(address, at).age_s(stamp, at, wall)
            may_have_been_frozen = at - self._resumed_at < BUCKET_S
        if age is None or age <= MAX_WAIT_S:
            return Arrival(age)
        return Arrival(None, is_stale=may_have_been_frozen and age > MAX_AGE_S)

    def _source(self, address: str, at: float) -> Source:
        source = self._sources.get(address)
        if source is None:
            if len(self._sources) >= MAX_SOURCES:
                self._sources.pop(next(iter(self._sources)))
            source = self._sources[address] = Source(at, self._on_offset)
        return source
