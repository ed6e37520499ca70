"""The store as it is right now: who is primary, who follows how far behind, who watches."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeReport:
    """A data node, asked itself. `role` is "primary", "replica" or "down"; `lag_bytes` counts what a replica has not
    got of the primary's stream, None where that is unknown; `link` is the state of a replica's link to its primary."""

    address: str
    role: str
    link: str
    lag_bytes: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SentinelReport:
    """A Sentinel, asked itself: which primary it believes in, None where it does not answer, and whether it is putting
    another in its place. `epoch` counts the failovers that it knows of."""

    address: str
    primary: str | None
    sees_primary_down: bool
    is_failing_over: bool = False
    epoch: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class TopologyReport:
    """All of it. `quorum` is whether enough Sentinels agree on one primary; `status` is "ok" (everything is there),
    "degraded" (everything works, something is missing), "read-only" (no primary) or "down"."""

    primary: str | None
    nodes: Sequence[NodeReport]
    sentinels: Sequence[SentinelReport]
    quorum: bool
    status: str
