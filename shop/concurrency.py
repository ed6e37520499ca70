"""How many requests a process works on at once. The others sleep, and go on in the order in which they came.

A thread that waits for Python's interpreter wakes up every 5 ms to ask for it. Hundreds that do so at once, in a rush
or after a failover, take the CPU from the one that has it: everybody is answered so late that nginx sends the requests
to the other instance too, and neither catches up any more. docs/adr/0013 has the figures.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Crowded(Exception):
    """It was not the caller's turn in time, or too many wait already."""


class Limiter:
    """So many threads at a time work, and so many may wait; a thread that waits for something else may let another one
    work meanwhile."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._at_once = at_once
        self._free = at_once
        self._most = waiting
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._resuming: deque[threading.Lock] = deque()
        self._mine = threading.local()

    def set_limits(self, at_once: int, waiting: int) -> None:
        """Set how many work at once and how many may wait, before the first thread asks for a turn."""
        with self._lock:
            if self._free != self._at_once:
                raise RuntimeError("Limits cannot change while requests are worked on.")
            self._at_once = self._free = at_once
            self._most = waiting

    @contextmanager
    def working(self, patience: float = -1) -> Iterator[None]:
        """A turn for the calling thread, for which it waits `patience` seconds at most, or as long as it takes.

        Raises:
            Crowded: it was not its turn by then, or too many wait already.
        """
        self._enter(self._waiting, patience)
        self._mine.has_turn = True
        try:
            yield
        finally:
            self._mine.has_turn = False
            self._leave()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """For as long as the block runs the thread waits and another one may work in its place; afterwards its turn
        comes before that of those that have not begun. A thread that has no turn needs none."""
        if not getattr(self._mine, "has_turn", False):
            yield
            return
        self._mine.has_turn = False
        self._leave()
        try:
            yield
        finally:
            self._enter(self._resuming, -1)
            self._mine.has_turn = True

    def _enter(self, queue: deque[threading.Lock], patience: float) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            if queue is self._waiting and len(queue) >= self._most:
                raise Crowded
            turn = threading.Lock()
            turn.acquire()
            queue.append(turn)
        if turn.acquire(timeout=patience):
            return
        with self._lock:
            # Its turn may have come just now.
            if turn in queue:
                queue.remove(turn)
                raise Crowded

    def _leave(self) -> None:
        with self._lock:
            if queue := self._resuming or self._waiting:
                queue.popleft().release()
            else:
                self._free += 1


#: Of this process; the application sets the limits that are configured. More at a time would not be faster: they share
#: one interpreter. As many as wait at most are worked on in about a second.
REQUESTS = Limiter(4, 300)
