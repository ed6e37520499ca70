"""What the instances tell each other about themselves, once a second."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

#: Seconds without a word after which an instance is taken for gone.
SILENCE = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """What was answered within the last `seconds`. `within` says how many requests took no longer than so many seconds
    and longer than the next smaller number; those that took longest are at infinity. `failed` are answers of 5xx."""

    seconds: float
    within: Mapping[float, int]
    failed: int

    @property
    def requests(self) -> int:
        return sum(self.within.values())

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float | None:
        """How many seconds this share of the requests took at most, as exactly as they were counted: the bound of the
        class that the last of them is in. None where there were no requests."""
        left = share * self.requests
        for bound, count in sorted(self.within.items()):
            left -= count
            if count and left <= 0:
                return bound
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Failover:
    """Another primary, seen `at`, after so many seconds without one."""

    at: datetime
    primary: str
    previous: str
    seconds_without: float


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceReport:
    """What a process of an instance says of itself. `process` tells processes of one instance apart. One that
    `is_leaving` says so for the last time."""

    name: str
    process: str
    at: datetime
    traffic: Traffic
    failovers: Sequence[Failover] = ()
    is_leaving: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """An instance as it was heard of last, `silent_for` seconds ago; its processes taken together."""

    name: str
    silent_for: float
    traffic: Traffic

    @property
    def is_alive(self) -> bool:
        return self.silent_for < SILENCE


def together(traffics: Iterable[Traffic]) -> Traffic:
    """All of it as one: what ran side by side. The longest time counts."""
    known = list(traffics)
    within: Counter[float] = Counter()
    for traffic in known:
        within.update(traffic.within)
    return Traffic(
        seconds=max((traffic.seconds for traffic in known), default=0),
        within=dict(within),
        failed=sum(traffic.failed for traffic in known),
    )
