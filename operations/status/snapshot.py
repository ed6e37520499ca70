"""The status snapshot: the running shop at one instant, and its status."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from exactly_once.topology_report import SentinelReport, TopologyReport
from operations.status.instances import Instance, ObservedFailover, Traffic, combine
from shop.domain.purchases import Sales


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusSnapshot:
    """The shop as the instance `seen_by` sees it. `rates` are requests a second, the latest last; `sales` is None while
    the store cannot be read; `failovers` are those that an instance has observed since it was started."""

    at: datetime
    seen_by: str
    topology: TopologyReport
    instances: Sequence[Instance]
    rates: Sequence[float]
    sales: Sales | None
    failovers: Sequence[ObservedFailover]
    workers: Sequence[Instance] = ()

    @property
    def status(self) -> str:
        """The status of the store, but "degraded" also where an instance or a worker has fallen silent."""
        if self.topology.status == "ok" and not all(each.is_alive for each in (*self.instances, *self.workers)):
            return "degraded"
        return self.topology.status

    @property
    def traffic(self) -> Traffic:
        """The traffic of all instances that are alive."""
        return combine(instance.traffic for instance in self.instances if instance.is_alive)

    @property
    def failovers_ever(self) -> int:
        """How many the Sentinels have counted since they were set up."""
        return max((sentinel.epoch for sentinel in self.topology.sentinels), default=0)

    def agrees(self, sentinel: SentinelReport) -> bool:
        """Whether this Sentinel names the primary that most of them name."""
        named = [each.primary for each in self.topology.sentinels if each.primary]
        return sentinel.primary is not None and sentinel.primary == max(named, key=named.count)
