"""The decision: from measured load to a number of instances, with bounds, pace and memory. Pure, with the time given.

The rules are those of Kubernetes' HorizontalPodAutoscaler, so that Compose, Swarm and Kubernetes behave alike; beyond
them, a removal that was too much makes the next ones wait longer.
"""

from dataclasses import dataclass
from enum import StrEnum

from operations.autoscale.policy import Load, Policy
from operations.autoscale.stabilization import Stabilization

#: Seconds until a step is tried again that could not be carried out; doubled after each failure.
MIN_BACKOFF_S, MAX_BACKOFF_S = 15.0, 300.0
#: How often the window of a removal is doubled at most.
MAX_DOUBLINGS = 3


class Direction(StrEnum):
    """Of a decision."""

    UP = "up"
    DOWN = "down"
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """From `present` instances to `desired` ones. `wanted` is what the load takes, without bounds and pace; None where
    it is not known. `reason` says what decided."""

    direction: Direction
    present: int
    desired: int
    wanted: int | None
    reason: str


class Engine:
    """Decides, and remembers what it needs for that. Times are seconds of a monotonic clock."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._present: int | None = None
        self._pending: int | None = None
        self._last_step_s = self._last_down_s = self._last_reversal_s = float("-inf")
        self._failures = 0
        self._retry_at_s = float("-inf")
        self._doublings = 0
        longest_s = policy.stabilization_s * 2**MAX_DOUBLINGS
        self._stabilization = Stabilization(longest_s, policy.max_gap_s)

    @property
    def present(self) -> int | None:
        """How many instances there are; None before that was reported."""
        return self._present

    @property
    def pending(self) -> int | None:
        """The number that was decided and is being carried out; None where no step is under way."""
        return self._pending

    @property
    def window_s(self) -> float:
        """For how long fewer instances must have been enough before one is removed."""
        return self.policy.stabilization_s * 2.0**self._doublings

    def report_present(self, present: int) -> None:
        """Take over how many instances there are."""
        self._present = present

    def report_done(self, present: int, now_s: float) -> None:
        """Take over that a step is carried out, and how many instances there are now."""
        self._present, self._pending = present, None
        self._failures, self._retry_at_s = 0, float("-inf")
        self._last_step_s = now_s

    def report_failed(self, present: int, now_s: float) -> float:
        """Take over that a step could not be carried out. Returns for how many seconds no other one is tried."""
        self._present, self._pending = present, None
        pause_s = min(MIN_BACKOFF_S * 2.0 ** min(self._failures, 10), MAX_BACKOFF_S)
        self._failures += 1
        self._retry_at_s = now_s + pause_s
        return pause_s

    def decide(self, now_s: float, load: Load | None) -> Decision:
        """Decide by the load that is measured now; None where it could not be measured. A decision that changes the
        number is pending until its outcome is reported, and no other one changes it before that."""
        present = self._present
        if present is None:
            return Decision(direction=Direction.NONE, present=0, desired=0, wanted=None, reason="not reported yet")
        wanted = self._note(now_s, present, load)
        desired, reason = self._desired(now_s, present, wanted)
        if desired == present:
            return Decision(direction=Direction.NONE, present=present, desired=present, wanted=wanted, reason=reason)
        return self._begin(now_s, present, desired, wanted, reason)

    def _note(self, now_s: float, present: int, load: Load | None) -> int | None:
        if load is None:
            self._stabilization.interrupt()
            return None
        wanted = self.policy.wanted(load, present)
        # What an instance does that is not measured is not known: it may be needed.
        self._stabilization.note(now_s, wanted if load.instances >= present else max(wanted, present))
        return wanted

    def _desired(self, now_s: float, present: int, wanted: int | None) -> tuple[int, str]:
        if self._pending is not None:
            return present, "a step is under way"
        if now_s < self._retry_at_s:
            return present, "the last step failed"
        if present < self.policy.min_instances:
            return self.policy.min_instances, "fewer than the minimum"
        if wanted is None:
            return present, "no signal"
        if self.policy.bounded(wanted) > present:
            return self._desired_up(now_s, present, self.policy.bounded(wanted))
        return self._desired_down(now_s, present)

    def _desired_up(self, now_s: float, present: int, wanted: int) -> tuple[int, str]:
        if now_s - self._last_step_s < self.policy.up_interval_s:
            return present, "the last step is too recent"
        return min(wanted, present + self.policy.step_up(present)), "more load than the target"

    def _desired_down(self, now_s: float, present: int) -> tuple[int, str]:
        if self._doublings and now_s - self._last_reversal_s > 4 * self.window_s:
            self._doublings -= 1
            self._last_reversal_s = now_s
        highest = self._stabilization.highest(now_s, self.window_s)
        if highest is None or self.policy.bounded(highest) >= present:
            return present, "the load is within the target, or has been above it lately"
        if now_s - self._last_step_s < self.policy.down_interval_s:
            return present, "the last step is too recent"
        return max(self.policy.bounded(highest), present - self.policy.down_count), "less load than the target"

    def _begin(self, now_s: float, present: int, desired: int, wanted: int | None, reason: str) -> Decision:
        direction = Direction.UP if desired > present else Direction.DOWN
        if direction is Direction.UP and now_s - self._last_down_s < self.window_s:
            # What was removed is needed after all.
            self._doublings = min(self._doublings + 1, MAX_DOUBLINGS)
            self._last_reversal_s = now_s
        if direction is Direction.DOWN:
            self._last_down_s = now_s
        self._last_step_s, self._pending = now_s, desired
        return Decision(direction=direction, present=present, desired=desired, wanted=wanted, reason=reason)
