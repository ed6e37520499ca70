"""Limits that are close: how much of each is used, and from which share on that needs attention."""

from collections.abc import Iterator
from dataclasses import dataclass

from operations.doctor.diagnosis import Level
from operations.doctor.facts import Facts, NodeFacts, SentinelFacts
from operations.doctor.rules import Deviation

#: The shares of a limit from which its use is a warning, and a problem.
WARNING_SHARE, PROBLEM_SHARE = 0.8, 0.95
#: In the answer of a server that has no connection left.
REFUSAL = "max number of clients"
CLIENTS_REMEDY = (
    "`ss -tn` on its machine shows from where they come: stop or restart that client; idle ones are closed after the "
    "seconds of `timeout`"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """How much of a limit is used; `limit` is 0 where there is none."""

    used: float
    limit: float

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit else 0.0

    @property
    def level(self) -> Level:
        if self.share >= PROBLEM_SHARE:
            return Level.PROBLEM
        return Level.WARNING if self.share >= WARNING_SHARE else Level.OK


def node_connections(facts: Facts) -> Iterator[Deviation]:
    """Every node has connections left."""
    for node in facts.nodes:
        yield from _connections(node)


def sentinel_connections(facts: Facts) -> Iterator[Deviation]:
    """Every Sentinel has connections left."""
    for sentinel in facts.sentinels:
        yield from _connections(sentinel)


def _connections(server: NodeFacts | SentinelFacts) -> Iterator[Deviation]:
    if REFUSAL in server.fault:
        yield Deviation(Level.PROBLEM, server.address, "has no connection left for another client", CLIENTS_REMEDY)
        return
    usage = Usage(used=int(server.info.get("connected_clients", 0)), limit=int(server.info.get("maxclients", 0)))
    if usage.level is not Level.OK:
        finding = f"has {usage.used:,.0f} of at most {usage.limit:,.0f} connections (maxclients)"
        yield Deviation(usage.level, server.address, finding, CLIENTS_REMEDY)


def remedy_of(fault: str, otherwise: str) -> str:
    """What to do about a server that does not answer for this reason."""
    return CLIENTS_REMEDY if REFUSAL in fault else otherwise
