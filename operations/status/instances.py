"""Instances and their traffic, as their heartbeats report them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

#: Without a heartbeat, after which an instance is taken for gone.
MAX_SILENCE_S = 3.0


class Role(StrEnum):
    """What an instance does: serve requests, or send webhooks and mails."""

    API = "api"
    WORKER = "worker"


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """Responses of the last `seconds`: a histogram of latencies, by the upper bound of each bucket in seconds, infinity
    for the last; and how many were 5xx."""

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
        """The latency that this share of the requests does not exceed, in seconds: the upper bound of its bucket. None
        where there were no requests."""
        left = share * self.requests
        for bound, count in sorted(self.within.items()):
            left -= count
            if count and left <= 0:
                return bound
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class ObservedFailover:
    """A change of the primary, observed `at`, after `seconds_without` one."""

    at: datetime
    primary: str
    previous: str
    seconds_without: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """An instance as of its last heartbeat, `silent_for` seconds ago; its processes combined."""

    name: str
    silent_for: float
    traffic: Traffic
    role: Role = Role.API

    @property
    def is_alive(self) -> bool:
        return self.silent_for < MAX_SILENCE_S


def combine(traffics: Iterable[Traffic]) -> Traffic:
    """The traffic of processes that ran side by side. The longest time counts."""
    known = list(traffics)
    within: Counter[float] = Counter()
    for traffic in known:
        within.update(traffic.within)
    return Traffic(
        seconds=max((traffic.seconds for traffic in known), default=0),
        within=dict(within),
        failed=sum(traffic.failed for traffic in known),
    )
