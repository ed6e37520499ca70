"""Threads that take turns: a fixed number of them is ready for work, and one that blocks is replaced until it returns.

After "Leader/Followers" (Schmidt, O'Ryan, Kircher, Pyarali, Buschmann: Pattern-Oriented Software Architecture 2, 2000):
each thread waits for the next event itself, so no event is handed from one thread to another.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Seconds without need of it after which a thread ends.
IDLE_S = 60.0


class ThreadTeam:
    """Calls `work` again and again in `size` threads. While a thread is inside `blocking`, another one takes its place,
    up to `max_threads` in all. `work` raises nothing."""

    def __init__(self, work: Callable[[], None], size: int, max_threads: int) -> None:
        self._work, self._size, self._max_threads = work, size, max_threads
        self._lock = threading.Lock()
        #: Threads that are neither blocked nor parked, and all of them.
        self._ready = self._threads = 0
        self._parked: list[threading.Lock] = []
        self._of_thread = threading.local()
        self._is_stopped = False

    @property
    def threads(self) -> int:
        """How many there are."""
        return self._threads

    def start(self) -> None:
        """Start the threads."""
        # At once: the first ones may block, and have others take their places, before the last one is there.
        with self._lock:
            for _ in range(self._size):
                self._add()

    def stop(self) -> None:
        """Let each thread end after its present work. Returns at once."""
        with self._lock:
            self._is_stopped = True
            while self._parked:
                self._parked.pop().release()

    @contextmanager
    def blocking(self) -> Iterator[None]:
        """Let another thread work while the block waits for something. Without effect in a thread of no team, and
        inside another such block."""
        if not getattr(self._of_thread, "is_ready", False):
            yield
            return
        self._of_thread.is_ready = False
        self._replace()
        try:
            yield
        finally:
            self._of_thread.is_ready = True
            with self._lock:
                self._ready += 1

    def _replace(self) -> None:
        with self._lock:
            self._ready -= 1
            if self._ready >= self._size or self._is_stopped:
                return
            if self._parked:
                self._ready += 1
                self._parked.pop().release()
            elif self._threads < self._max_threads:
                self._add()

    def _add(self) -> None:
        try:
            threading.Thread(target=self._run, name="request", daemon=True).start()
        except RuntimeError:
            # The system has no more threads. The one that blocks goes on when it returns.
            return
        self._ready += 1
        self._threads += 1

    def _run(self) -> None:
        self._of_thread.is_ready = True
        while not self._is_stopped:
            self._work()
            if self._ready > self._size and not self._park():
                break

    def _park(self) -> bool:
        """Wait to be needed. Returns False where that took too long: the thread is to end."""
        with self._lock:
            if self._ready <= self._size or self._is_stopped:
                return True
            self._ready -= 1
            turn = threading.Lock()
            turn.acquire()
            self._parked.append(turn)
        if turn.acquire(timeout=IDLE_S):
            return True
        with self._lock:
            if turn not in self._parked:
                # It was needed just now.
                return True
            self._parked.remove(turn)
            self._threads -= 1
            return False
