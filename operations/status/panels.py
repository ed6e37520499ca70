"""What of the picture is told and drawn to whom: everything to staff; to everybody else no address, name or number."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from exactly_once.topology_report import NodeReport, SentinelReport
from operations.status.instances import Instance, Traffic
from operations.status.snapshot import StatusSnapshot

VERDICTS: Mapping[str, tuple[str, str]] = {
    "ok": ("Everything is there", "Every part answers, and every replica follows the primary."),
    "degraded": ("Something is missing", "Everything works; one more fault may not go unnoticed."),
    "read-only": (
        "There is no primary",
        "Reads go on. Writes wait until a replica has become the primary.",
    ),
    "down": ("The store does not answer", "Nothing can be read or written."),
}
#: The height that the bars of the last minute have at most.
HEIGHT = 40
#: What a second of it is wide.
WIDTH = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A part of the topology as it is drawn: `state` is "up", "odd" (there, and not as it should be) or "down"."""

    title: str
    state: str
    says: str
    kind: str = ""
    details: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Tier:
    """Parts of one kind, side by side. `span` is how many the wider one of this tier and the one above has."""

    name: str
    cards: Sequence[Card]
    span: int


def told(picture: StatusSnapshot, *, is_whole: bool) -> dict[str, Any]:
    """The picture for programs."""
    verdict = {"status": picture.status, "says": VERDICTS[picture.status][0], "at": picture.at}
    if is_whole:
        return {**verdict, **_everything(picture)}
    return {
        **verdict,
        "instances": [{"up": instance.is_alive} for instance in picture.instances],
        "nodes": [{"role": node.role} for node in picture.topology.nodes],
        "sentinels": [{"up": sentinel.primary is not None} for sentinel in picture.topology.sentinels],
        "quorum": picture.topology.quorum,
    }


def drawn(picture: StatusSnapshot, *, is_whole: bool) -> dict[str, Any]:
    """The picture for its template."""
    title, says = VERDICTS[picture.status]
    return {
        "status": picture.status,
        "title": title,
        "says": says,
        "at": picture.at,
        "tiers": _tiers(picture, is_whole=is_whole),
        "is_whole": is_whole,
        "picture": picture,
        "numbers": _numbers(picture) if is_whole else (),
        "bars": _bars(picture.rates) if is_whole else (),
        "peak": f"{max(picture.rates, default=0):,.0f}",
    }


def _everything(picture: StatusSnapshot) -> dict[str, Any]:
    return {
        "seen_by": picture.seen_by,
        "primary": picture.topology.primary,
        "nodes": [asdict(node) for node in picture.topology.nodes],
        "sentinels": [asdict(sentinel) for sentinel in picture.topology.sentinels],
        "quorum": picture.topology.quorum,
        "instances": [_instance_told(instance) for instance in picture.instances],
        "traffic": _traffic_told(picture.traffic),
        "requests_per_second": [round(rate, 1) for rate in picture.rates],
        "purchases": asdict(picture.sales) if picture.sales else None,
        "failovers": [asdict(failover) for failover in picture.failovers],
        "failovers_ever": picture.failovers_ever,
    }


def _instance_told(instance: Instance) -> dict[str, Any]:
    return {
        "name": instance.name,
        "up": instance.is_alive,
        "silent_for": round(instance.silent_for, 1),
        **_traffic_told(instance.traffic),
    }


def _traffic_told(traffic: Traffic) -> dict[str, Any]:
    return {
        "requests_per_second": round(traffic.rate, 1),
        "half_within_seconds": traffic.quantile(0.5),
        "p95_within_seconds": traffic.quantile(0.95),
        "failed": traffic.failed,
    }


def _tiers(picture: StatusSnapshot, *, is_whole: bool) -> Sequence[Tier]:
    topology = picture.topology
    rows = [
        ("nginx", [Card(title="nginx", state="up", says="serves this page", kind="edge")]),
        ("API instance", [_instance(each, is_whole) for each in picture.instances]),
        ("data node", [_node(each, topology.primary, is_whole) for each in topology.nodes]),
        ("Sentinel", [_sentinel(picture, each, is_whole) for each in topology.sentinels]),
    ]
    widths = [len(cards) for _, cards in rows]
    above = [1, *widths]
    return [
        Tier(name=name, cards=cards, span=max(width, before))
        for (name, cards), width, before in zip(rows, widths, above, strict=False)
    ]


def _instance(instance: Instance, is_whole: bool) -> Card:
    state = "up" if instance.is_alive else "down"
    title = instance.name if is_whole else "API"
    if not instance.is_alive:
        says = f"silent for {instance.silent_for:,.0f} s" if is_whole else "silent"
        return Card(title=title, state=state, says=says, kind="instance")
    details = (f"{instance.traffic.rate:,.1f} requests/s", _within(instance.traffic, 0.95)) if is_whole else ()
    return Card(title=title, state=state, says="serves", kind="instance", details=details)


def _node(node: NodeReport, primary: str | None, is_whole: bool) -> Card:
    where = (node.address,) if is_whole else ()
    if node.role == "primary" and node.address != primary:
        # For some seconds after a failover, until the Sentinels tell it whom to follow; or they name nobody.
        title = "former primary" if primary else "primary"
        return Card(title=title, state="odd", says="takes no writes", kind="node", details=where)
    if node.role == "primary":
        return Card(title="primary", state="up", says="takes writes", kind="primary", details=where)
    if node.role == "down":
        return Card(title="down", state="down", says="does not answer", kind="node", details=where)
    if node.link != "connected":
        return Card(title="replica", state="odd", says="has lost its primary", kind="node", details=where)
    says = "follows" if not is_whole or node.lag_bytes is None else _behind(node.lag_bytes)
    return Card(title="replica", state="up", says=says, kind="node", details=where)


def _behind(lag: int) -> str:
    return "in step" if lag == 0 else f"{lag:,} bytes behind"


def _sentinel(picture: StatusSnapshot, sentinel: SentinelReport, is_whole: bool) -> Card:
    where = (sentinel.address,) if is_whole else ()
    if sentinel.primary is None:
        return Card(title="Sentinel", state="down", says="does not answer", kind="sentinel", details=where)
    if not picture.agrees(sentinel):
        return Card(title="Sentinel", state="odd", says="names another primary", kind="sentinel", details=where)
    if sentinel.is_failing_over or sentinel.sees_primary_down:
        says = "puts another in place" if sentinel.is_failing_over else "sees the primary down"
        return Card(title="Sentinel", state="odd", says=says, kind="sentinel", details=where)
    return Card(title="Sentinel", state="up", says="agrees", kind="sentinel", details=where)


def _numbers(picture: StatusSnapshot) -> Sequence[tuple[str, str, str]]:
    """What is measured, how much it is, and of what."""
    traffic, sales = picture.traffic, picture.sales
    agreeing = sum(picture.agrees(sentinel) for sentinel in picture.topology.sentinels)
    quorum = "quorum" if picture.topology.quorum else "no quorum"
    half, most = (_milliseconds(traffic.quantile(share)) for share in (0.5, 0.95))
    return [
        ("requests", f"{traffic.rate:,.1f}", "a second, all instances"),
        ("latency", most, f"95 % of them; half {half}"),
        ("purchases", f"{sales.recent:,}" if sales else "?", f"in a minute; {sales.total:,} in all" if sales else ""),
        ("Sentinels", f"{agreeing} of {len(picture.topology.sentinels)}", f"agree: {quorum}"),
    ]


def _within(traffic: Traffic, share: float) -> str:
    return f"{share:.0%} {_milliseconds(traffic.quantile(share))}"


def _milliseconds(seconds: float | None) -> str:
    """The class that a latency is in: it was at most so long."""
    if seconds is None:
        return "-"
    return "> 10 s" if seconds == float("inf") else f"≤ {seconds * 1000:,g} ms"


def _bars(rates: Sequence[float]) -> Sequence[Mapping[str, float]]:
    """A bar for each second, as high as it had requests, compared with the busiest one; this second at the right."""
    most = max(rates, default=0) or 1
    heights = [round(rate / most * HEIGHT, 1) for rate in rates]
    return [
        {"x": (place - len(heights)) * WIDTH, "y": HEIGHT - height, "height": height}
        for place, height in enumerate(heights)
    ]
