"""The cluster as each part of it answers now, for people and monitoring."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from redis.exceptions import ResponseError

from exactly_once.client import Address, Node, Nodes
from exactly_once.errors import ServerError
from exactly_once.sentinels import Sentinels, SentinelView
from exactly_once.topology import ROLE_TIMEOUT_S, known_nodes


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeReport:
    """A data node, asked itself. `role` is "primary", "replica" or "down"; `lag_bytes` counts what a replica lacks of
    the primary's stream, None where that is unknown; `link` is the state of a replica's link to its primary."""

    address: str
    role: str
    link: str
    lag_bytes: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SentinelReport:
    """A Sentinel, asked itself: which primary it names, None where it does not answer, and whether it is failing over.
    `epoch` counts the failovers that it knows of."""

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


def report_topology(sentinels: Sentinels, nodes: Nodes, replicas: int) -> TopologyReport:
    """Ask every part; `replicas` is how many there should be."""
    views = sentinels.ask()
    primary = sentinels.primary(views)
    addresses = sorted({*known_nodes(views), *([primary] if primary else [])})
    answers = [_ask(nodes[address]) for address in addresses]
    name = str(primary) if primary else None
    head = next((offset for node, offset in answers if node.address == name and node.role == "primary"), None)
    reports = [_with_lag(node, offset, head) for node, offset in answers]
    return TopologyReport(
        primary=name if head is not None else None,
        nodes=reports,
        sentinels=[_sentinel(*pair) for pair in zip(sentinels.addresses, views, strict=True)],
        quorum=primary is not None,
        status=_status(reports, head is not None, all(views), replicas),
    )


def _ask(node: Node) -> tuple[NodeReport, int]:
    """What a node says of itself, and how far it is in the stream, in bytes."""
    address = str(node.address)
    try:
        role = node.run(("ROLE",), timeout=ROLE_TIMEOUT_S)[0]
    except (ServerError, ResponseError):
        return NodeReport(address=address, role="down", link="down", lag_bytes=None), 0
    if role[0] == "master":
        return NodeReport(address=address, role="primary", link="none", lag_bytes=0), int(role[1])
    return NodeReport(address=address, role="replica", link=role[3], lag_bytes=None), int(role[4])


def _with_lag(report: NodeReport, offset: int, head: int | None) -> NodeReport:
    if report.role != "replica" or head is None or offset < 0:
        return report
    return replace(report, lag_bytes=max(head - offset, 0))


def _sentinel(address: Address, view: SentinelView | None) -> SentinelReport:
    return SentinelReport(
        address=str(address),
        primary=str(view.primary) if view else None,
        sees_primary_down=bool(view and not view.primary_is_up),
        is_failing_over=bool(view and view.is_failing_over),
        epoch=view.epoch if view else 0,
    )


def _status(nodes: Sequence[NodeReport], has_primary: bool, every_sentinel: bool, replicas: int) -> str:
    following = sum(node.role == "replica" and node.link == "connected" for node in nodes)
    if has_primary:
        return "ok" if every_sentinel and following >= replicas else "degraded"
    return "read-only" if any(node.role != "down" for node in nodes) else "down"
