"""What a refused request costs: more purchases at once than are served, and what their CPU time exceeds that of the
answered ones by."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.measuring import Comparison
from benchmarks.side import Side
from benchmarks.workloads import WORKLOADS

#: In seconds shorter than this, requests still wait that will be refused.
CONNECTIONS, MIN_SECONDS = 2000, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusals:
    """Medians of rounds in overload: answered and refused requests a second, what had another error or no answer in
    all rounds, and milliseconds of CPU time of an answered request, measured without overload, and of a refused one;
    None where none was refused."""

    connections: int
    answered_per_s: float
    refused_per_s: float
    failed: int
    answered_cpu_ms: float
    refused_cpu_ms: float | None

    @property
    def ratio(self) -> float | None:
        """A refused request by an answered one."""
        return None if self.refused_cpu_ms is None else self.refused_cpu_ms / self.answered_cpu_ms


def measure(
    comparison: Comparison,
    shop: Side,
    answered_cpu_ms: float,
    rounds: int,
    seconds: int,
    progress: Callable[[str], object],
) -> Refusals:
    """Ask the shop for purchases over 2,000 connections."""
    requests = comparison.requests(WORKLOADS["purchase"], shop)
    answered, refused, costs, failed = [], [], [], 0
    for _ in range(rounds):
        progress(f"purchases in overload, {CONNECTIONS} connections, {shop.name}")
        seen = comparison.round(shop, requests, CONNECTIONS, max(seconds, MIN_SECONDS), count_refused=True)
        load = seen.load
        answered.append(load.answered / load.seconds)
        refused.append(load.refused / load.seconds)
        failed += load.failed - load.refused
        if load.refused:
            total_ms = sum(seen.cpu_ms.values()) * load.requests
            costs.append(max(total_ms - load.answered * answered_cpu_ms, 0) / load.refused)
    return Refusals(
        connections=CONNECTIONS,
        answered_per_s=statistics.median(answered),
        refused_per_s=statistics.median(refused),
        failed=failed,
        answered_cpu_ms=answered_cpu_ms,
        refused_cpu_ms=statistics.median(costs) if costs else None,
    )
