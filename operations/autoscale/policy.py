"""Targets, bounds and pace of autoscaling."""

import math
from dataclasses import dataclass

from configuration import Values
from configuration import autoscale as variables

#: Above every bound that can be set: a signal that is wrong leads to no larger number.
MAX_WANTED = 10_000
#: Sums of measured values that are a multiple of the target but for rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What the instances had to do, summed over those that were measured: `instances` of them. `cpu_cores` is None
    where it was not measured."""

    instances: int
    requests: float
    cpu_cores: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """`requests` and `cpu_cores` are the targets of one instance. `up_ratio` and `up_count` bound a step up, by the
    larger of both; times are in seconds. A gap of more than `max_gap_s` between two measurements interrupts the time in
    which fewer instances would have been enough."""

    min_instances: int = 2
    max_instances: int = 6
    requests: float = 3.0
    cpu_cores: float = 0.65
    tolerance: float = 0.1
    up_ratio: float = 1.0
    up_count: int = 4
    down_count: int = 1
    up_interval_s: float = 15.0
    down_interval_s: float = 60.0
    stabilization_s: float = 300.0
    max_gap_s: float = 30.0

    def wanted(self, load: Load, present: int) -> int:
        """Return how many instances the load takes, whatever the bounds: `present` within the tolerance of a target.
        Of several signals the one that takes most counts."""
        wanted = self._by(load.requests, self.requests, present)
        if load.cpu_cores is not None:
            wanted = max(wanted, self._by(load.cpu_cores, self.cpu_cores, present))
        return wanted

    def bounded(self, wanted: int) -> int:
        """Return the nearest number within the bounds."""
        return max(self.min_instances, min(self.max_instances, wanted))

    def step_up(self, present: int) -> int:
        """Return how many instances one step may add."""
        return max(math.ceil(present * self.up_ratio - _ROUNDING), self.up_count)

    def _by(self, total: float, target: float, present: int) -> int:
        if present > 0 and abs(total / (target * present) - 1) <= self.tolerance + _ROUNDING:
            return present
        return max(1, min(MAX_WANTED, math.ceil(total / target - _ROUNDING)))


def policy(values: Values) -> Policy:
    """Return the policy that these variables describe."""
    return Policy(
        min_instances=values[variables.MINIMUM],
        max_instances=values[variables.MAXIMUM],
        requests=values[variables.REQUESTS],
        cpu_cores=values[variables.CPU_PERCENT] / 100,
        tolerance=values[variables.TOLERANCE_PERCENT] / 100,
        up_ratio=values[variables.UP_PERCENT] / 100,
        up_count=values[variables.UP_COUNT],
        down_count=values[variables.DOWN_COUNT],
        up_interval_s=values[variables.UP_INTERVAL_S],
        down_interval_s=values[variables.DOWN_INTERVAL_S],
        stabilization_s=values[variables.STABILIZATION_S],
        max_gap_s=max(2 * values[variables.WINDOW_S], 4 * values[variables.POLL_S]),
    )
