"""The recent traffic of an instance: taken from its metrics, so that no request costs anything more."""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from operations.status.instances import Traffic
from shop import telemetry

#: How many readings back the present one is compared with: at one a second, the traffic is of three seconds.
READINGS = 3
#: Views for operators: their requests are not the traffic of the shop.
_OPERATORS_VIEWS = frozenset({"status", "livez", "readyz", "healthz", "metrics"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """The counters of this process at one instant, in seconds of a clock of its own. `up_to` counts the requests that
    took no longer than so many seconds."""

    at: float
    up_to: Mapping[float, int]
    failed: int


class TrafficMeter:
    """Compares each reading of the counters with the one three before it."""

    def __init__(self, read: Callable[[], Reading] | None = None) -> None:
        self._read = read or _reading
        self._readings: deque[Reading] = deque(maxlen=READINGS + 1)

    def measure(self) -> Traffic:
        """The traffic since up to three readings ago; none at the first one."""
        self._readings.append(self._read())
        first, last = self._readings[0], self._readings[-1]
        fewer = 0
        within = {}
        for bound in sorted(last.up_to):
            up_to = last.up_to[bound] - first.up_to.get(bound, 0)
            within[bound] = up_to - fewer
            fewer = up_to
        return Traffic(
            seconds=last.at - first.at,
            within={bound: count for bound, count in within.items() if count},
            failed=last.failed - first.failed,
        )


def _reading() -> Reading:
    up_to: Counter[float] = Counter()
    for metric in telemetry.REQUEST_SECONDS.collect():
        for sample in metric.samples:
            if sample.name.endswith("_bucket") and sample.labels["view"] not in _OPERATORS_VIEWS:
                up_to[_bound(sample.labels["le"])] += int(sample.value)
    failed = sum(
        int(sample.value)
        for metric in telemetry.RESPONSES.collect()
        for sample in metric.samples
        if sample.name.endswith("_total") and sample.labels["status"].startswith("5")
    )
    return Reading(at=time.monotonic(), up_to=up_to, failed=failed)


def _bound(text: str) -> float:
    return math.inf if text == "+Inf" else float(text)
