"""How busy this process is: requests in work, requests that wait, and CPU time, as metrics for autoscaling.

Nothing is counted for a request. The values are read from the concurrency limit once a second, and before this process
answers a scrape.
"""

import threading
import time

from shop import queued_metrics
from shop.concurrency import REQUESTS
from shop.queued_metrics import Counter, Gauge

queued_metrics.install()

IN_WORK = Gauge(
    "evergreen_requests_in_work", "Requests that hold a slot of the concurrency limit.", multiprocess_mode="livesum"
)
WAITING = Gauge(
    "evergreen_requests_waiting", "Requests that wait for a slot of the concurrency limit.", multiprocess_mode="livesum"
)
CPU_SECONDS = Counter("evergreen_cpu_seconds", "CPU time of the workers of this instance, in seconds.")


class _CpuTime:
    """CPU time of this process that was not counted yet. A fork begins at 0, as its clock does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted_s = 0.0

    def take(self) -> float:
        """Return the seconds since the previous call, or since the process began."""
        with self._lock:
            now_s = time.process_time()
            seconds, self._counted_s = now_s - self._counted_s, now_s
            return seconds


_CPU_TIME = _CpuTime()


def measure() -> None:
    """Set the gauges to what holds now, and count the CPU time since the previous call."""
    IN_WORK.set(REQUESTS.in_work)
    WAITING.set(REQUESTS.waiting)
    CPU_SECONDS.inc(_CPU_TIME.take())
