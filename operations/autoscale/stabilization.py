"""The highest number of instances that was wanted within a time, where the time has no gap."""

from collections import deque


class Stabilization:
    """Answers whether fewer instances would have been enough for a whole window. Times are on one clock, in seconds.

    Of the values only those are stored that may be the highest of a window yet: they fall from the first to the last,
    so there are no more of them than different values."""

    def __init__(self, max_window_s: float, max_gap_s: float) -> None:
        self._max_window_s, self._max_gap_s = max_window_s, max_gap_s
        self._highest: deque[tuple[float, int]] = deque()
        self._since_s: float | None = None
        self._last_s = 0.0

    def note(self, now_s: float, wanted: int) -> None:
        """Store what is wanted now. After a gap the window begins anew."""
        if self._since_s is None or now_s - self._last_s > self._max_gap_s:
            self._highest.clear()
            self._since_s = now_s
        self._last_s = now_s
        while self._highest and self._highest[-1][1] <= wanted:
            self._highest.pop()
        self._highest.append((now_s, wanted))
        while self._highest[0][0] < now_s - self._max_window_s:
            self._highest.popleft()

    def interrupt(self) -> None:
        """Begin the window anew with the next value: it is not known what was wanted meanwhile."""
        self._since_s = None

    def highest(self, now_s: float, window_s: float) -> int | None:
        """Return the highest number that was wanted in the window, or None where it is not known of all of it."""
        if self._since_s is None or self._since_s > now_s - window_s or now_s - self._last_s > self._max_gap_s:
            return None
        return next((wanted for at_s, wanted in self._highest if at_s >= now_s - window_s), None)
