"""A queue that serves its sources round-robin, so that none of them can make the others wait for all it has sent."""

import threading
from collections import Counter, OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class QueueFull(Exception):
    """The queue, or the share of this source, has no room."""


class FairQueue(Generic[T]):
    """Places for `max_total` items, and for `max_per_source` of one source. An item has its place until it is released,
    also after it was taken. Thread-safe."""

    def __init__(self, max_total: int, max_per_source: int) -> None:
        self._max_total = max_total
        self._max_per_source = max_per_source
        self._lock = threading.Lock()
        self._places: Counter[str] = Counter()
        #: What waits. The source at the front is served next.
        self._sources: OrderedDict[str, deque[T]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many items were not taken yet."""
        with self._lock:
            return sum(map(len, self._sources.values()))

    def put(self, source: str, item: T) -> None:
        """Add an item behind those of its source.

        Raises:
            QueueFull.
        """
        with self._lock:
            if self._places.total() >= self._max_total or self._places[source] >= self._max_per_source:
                raise QueueFull
            self._places[source] += 1
            self._sources.setdefault(source, deque()).append(item)

    def take(self) -> T | None:
        """Remove and return the first item of the source that has waited longest; None where no item waits."""
        with self._lock:
            if not self._sources:
                return None
            source, items = self._sources.popitem(last=False)
            item = items.popleft()
            if items:
                self._sources[source] = items
            return item

    def remove(self, source: str, item: T) -> bool:
        """Remove an item that waits; False where it was taken before."""
        with self._lock:
            items = self._sources.get(source, deque())
            if item not in items:
                return False
            items.remove(item)
            if not items:
                del self._sources[source]
            return True

    def release(self, source: str) -> None:
        """Free the place of an item of this source."""
        with self._lock:
            self._places[source] -= 1
            if not self._places[source]:
                del self._places[source]
