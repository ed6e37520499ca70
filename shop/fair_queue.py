"""A queue that serves its sources round-robin, so that none of them can make the others wait for all it has sent."""

import threading
from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class QueueFull(Exception):
    """The queue, or the share of this source, has no room."""


class FairQueue(Generic[T]):
    """At most `max_total` items, and `max_per_source` of one source. Thread-safe."""

    def __init__(self, max_total: int, max_per_source: int) -> None:
        self._max_total = max_total
        self._max_per_source = max_per_source
        self._lock = threading.Lock()
        self._total = 0
        #: The source at the front is served next.
        self._sources: OrderedDict[str, deque[T]] = OrderedDict()

    def put(self, source: str, item: T) -> None:
        """Add an item behind those of its source.

        Raises:
            QueueFull.
        """
        with self._lock:
            items = self._sources.get(source, ())
            if self._total >= self._max_total or len(items) >= self._max_per_source:
                raise QueueFull
            self._sources.setdefault(source, deque()).append(item)
            self._total += 1

    def take(self) -> T | None:
        """Remove and return the first item of the source that has waited longest for its turn; None where all items
        were removed."""
        with self._lock:
            if not self._sources:
                return None
            source, items = self._sources.popitem(last=False)
            item = items.popleft()
            self._total -= 1
            if items:
                self._sources[source] = items
            return item

    def remove(self, source: str, item: T) -> bool:
        """Remove an item; False where it was taken before."""
        with self._lock:
            items = self._sources.get(source)
            if items is None or item not in items:
                return False
            items.remove(item)
            self._total -= 1
            if not items:
                del self._sources[source]
            return True
