"""How much slower purchases are while something happens than without it, in one load."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.history import Call, CallKind

#: A percentile of fewer purchases says little.
MIN_PURCHASES = 500
PERCENTILE = 0.99


@dataclass(frozen=True, kw_only=True, slots=True)
class Slowdown:
    """The 99th percentiles of the purchases without it and during it, in seconds, and how many there were of each."""

    quiet_s: float
    during_s: float
    quiet_purchases: int
    purchases: int

    @property
    def factor(self) -> float:
        return self.during_s / self.quiet_s if self.quiet_s else 0.0

    def failures(self, max_factor: float) -> list[str]:
        """Why the row does not pass, a sentence each."""
        few = min(self.quiet_purchases, self.purchases)
        if few < MIN_PURCHASES:
            return [f"only {few} purchases were measured, {MIN_PURCHASES} are needed: run it for longer"]
        if self.factor <= max_factor:
            return []
        return [f"the p99 of purchases was {self.during_s:.3f} s, {self.factor:.1f} times {self.quiet_s:.3f} s"]


def slowdown(
    calls: Sequence[Call], quiet: Sequence[tuple[float, float]], during: Sequence[tuple[float, float]]
) -> Slowdown:
    """Compare the purchases that were due in the quiet times with those that were due in the others. Those that were
    refused or repeated count too: their senders waited as well."""
    purchases = [call for call in calls if call.kind is CallKind.PURCHASE]
    before, meanwhile = (_seconds(purchases, times) for times in (quiet, during))
    return Slowdown(
        quiet_s=_percentile(before),
        during_s=_percentile(meanwhile),
        quiet_purchases=len(before),
        purchases=len(meanwhile),
    )


def _seconds(calls: Sequence[Call], times: Sequence[tuple[float, float]]) -> list[float]:
    return sorted(call.seconds for call in calls if any(begin <= call.due < end for begin, end in times))


def _percentile(ordered: Sequence[float]) -> float:
    return ordered[int(PERCENTILE * (len(ordered) - 1))] if ordered else 0.0
