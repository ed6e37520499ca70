"""Heartbeats: what each process of an instance publishes about itself once a second, and their form as messages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from operations.status.instances import ObservedFailover, Role, Traffic

MAX_FAILOVERS = 5
#: Two instances observe the same failover at slightly different instants.
SAME_FAILOVER_S = 10.0
_FIELDS = ("name", "process", "at", "failovers", "is_leaving", "role")


@dataclass(frozen=True, kw_only=True, slots=True)
class Heartbeat:
    """One heartbeat. `process` tells the processes of one instance apart; `is_leaving` marks the last one of a process
    that stops in an orderly way; `role` is what the instance does."""

    name: str
    process: str
    at: datetime
    traffic: Traffic
    failovers: Sequence[ObservedFailover] = ()
    is_leaving: bool = False
    role: Role = Role.API


def encode(heartbeat: Heartbeat) -> bytes:
    """The heartbeat as a message."""
    traffic = heartbeat.traffic
    # JSON has no infinity, but as text.
    within = {str(bound): count for bound, count in traffic.within.items()}
    record = {"seconds": traffic.seconds, "within": within, "failed": traffic.failed}
    return orjson.dumps({**{name: getattr(heartbeat, name) for name in _FIELDS}, "traffic": record})


def decode(message: str) -> Heartbeat:
    """The heartbeat in a message. Raises ValueError, KeyError or TypeError where it holds none."""
    record = orjson.loads(message)
    return Heartbeat(
        name=str(record["name"]),
        process=str(record["process"]),
        at=datetime.fromisoformat(record["at"]),
        traffic=Traffic(
            seconds=float(record["traffic"]["seconds"]),
            within={float(bound): int(count) for bound, count in record["traffic"]["within"].items()},
            failed=int(record["traffic"]["failed"]),
        ),
        failovers=[_failover(each) for each in record["failovers"]],
        is_leaving=bool(record["is_leaving"]),
        role=Role(record.get("role", Role.API)),
    )


def merge_failovers(failovers: Iterable[ObservedFailover]) -> tuple[ObservedFailover, ...]:
    """The last few failovers, the latest first, each once however many instances observed it."""
    merged: list[ObservedFailover] = []
    for each in sorted(failovers, key=lambda failover: failover.at):
        if not any(_is_same(each, other) for other in merged):
            merged.append(each)
    return tuple(reversed(merged))[:MAX_FAILOVERS]


def _failover(record: Mapping[str, Any]) -> ObservedFailover:
    return ObservedFailover(
        at=datetime.fromisoformat(record["at"]),
        primary=str(record["primary"]),
        previous=str(record["previous"]),
        seconds_without=float(record["seconds_without"]),
    )


def _is_same(one: ObservedFailover, other: ObservedFailover) -> bool:
    return one.primary == other.primary and abs((one.at - other.at).total_seconds()) < SAME_FAILOVER_S
