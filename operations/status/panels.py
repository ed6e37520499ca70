"""The status snapshot as JSON and as panels of a page: in full for staff; for the public without addresses, names and
numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from exactly_once.topology_report import NodeReport, SentinelReport
from operations.status.instances import Instance, Traffic
from operations.status.snapshot import StatusSnapshot

SUMMARIES: Mapping[str, tuple[str, str]] = {
    "ok": ("Everything is there", "Every part answers, and every replica follows the primary."),
    "degraded": ("Something is missing", "Everything works; one more fault may not go unnoticed."),
    "read-only": (
        "There is no primary",
        "Reads go on. Writes wait until a replica has become the primary.",
    ),
    "down": ("The store does not answer", "Nothing can be read or written."),
}
#: Of the bars of the last minute, in units of the drawing: the greatest height, and the width of a second.
MAX_BAR_HEIGHT, SECOND_WIDTH = 40, 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """A part of the topology on the page: `state` is "up", "odd" (there, and not as it should be) or "down"."""

    title: str
    state: str
    text: str
    kind: str = ""
    details: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Tier:
    """Parts of one kind, side by side. `span` is how many the wider one of this tier and the one above has."""

    name: str
    panels: Sequence[Panel]
    span: int


def as_record(snapshot: StatusSnapshot, *, is_full: bool) -> dict[str, Any]:
    """The snapshot for JSON; `is_full` with addresses, names and numbers."""
    summary = {"status": snapshot.status, "text": SUMMARIES[snapshot.status][0], "at": snapshot.at}
    if is_full:
        return {**summary, **_full_record(snapshot)}
    return {
        **summary,
        "instances": [{"up": instance.is_alive} for instance in snapshot.instances],
        "workers": [{"up": worker.is_alive} for worker in snapshot.workers],
        "nodes": [{"role": node.role} for node in snapshot.topology.nodes],
        "sentinels": [{"up": sentinel.primary is not None} for sentinel in snapshot.topology.sentinels],
        "quorum": snapshot.topology.quorum,
    }


def as_context(snapshot: StatusSnapshot, *, is_full: bool) -> dict[str, Any]:
    """The snapshot for the template of the page; `is_full` as for `as_record`."""
    title, text = SUMMARIES[snapshot.status]
    return {
        "status": snapshot.status,
        "title": title,
        "text": text,
        "at": snapshot.at,
        "tiers": _tiers(snapshot, is_full=is_full),
        "is_full": is_full,
        "section": "status",
        "next_path": "/status/",
        # The page in full is for staff, and the same for all of them: it has no CSRF token.
        "is_signed_in": is_full,
        "is_staff": is_full,
        "snapshot": snapshot,
        "numbers": _numbers(snapshot) if is_full else (),
        "bars": _bars(snapshot.rates) if is_full else (),
        "peak": f"{max(snapshot.rates, default=0):,.0f}",
    }


def _full_record(snapshot: StatusSnapshot) -> dict[str, Any]:
    return {
        "seen_by": snapshot.seen_by,
        "primary": snapshot.topology.primary,
        "nodes": [asdict(node) for node in snapshot.topology.nodes],
        "sentinels": [asdict(sentinel) for sentinel in snapshot.topology.sentinels],
        "quorum": snapshot.topology.quorum,
        "instances": [_instance_record(instance) for instance in snapshot.instances],
        "workers": [_worker_record(worker) for worker in snapshot.workers],
        "traffic": _traffic_record(snapshot.traffic),
        "requests_per_second": [round(rate, 1) for rate in snapshot.rates],
        "purchases": asdict(snapshot.sales) if snapshot.sales else None,
        "failovers": [asdict(failover) for failover in snapshot.failovers],
        "failovers_ever": snapshot.failovers_ever,
    }


def _instance_record(instance: Instance) -> dict[str, Any]:
    return {
        "name": instance.name,
        "up": instance.is_alive,
        "silent_for": round(instance.silent_for, 1),
        **_traffic_record(instance.traffic),
    }


def _worker_record(worker: Instance) -> dict[str, Any]:
    return {"name": worker.name, "up": worker.is_alive, "silent_for": round(worker.silent_for, 1)}


def _traffic_record(traffic: Traffic) -> dict[str, Any]:
    return {
        "requests_per_second": round(traffic.rate, 1),
        "p50_seconds": traffic.quantile(0.5),
        "p95_seconds": traffic.quantile(0.95),
        "failed": traffic.failed,
    }


def _tiers(snapshot: StatusSnapshot, *, is_full: bool) -> Sequence[Tier]:
    topology = snapshot.topology
    rows = [
        ("nginx", [Panel(title="nginx", state="up", text="serves this page", kind="edge")]),
        ("API instance", [_instance(each, is_full) for each in snapshot.instances]),
        *([("worker", [_worker(each, is_full) for each in snapshot.workers])] if snapshot.workers else []),
        ("data node", [_node(each, topology.primary, is_full) for each in topology.nodes]),
        ("Sentinel", [_sentinel(snapshot, each, is_full) for each in topology.sentinels]),
    ]
    widths = [len(panels) for _, panels in rows]
    above = [1, *widths]
    return [
        Tier(name=name, panels=panels, span=max(width, before))
        for (name, panels), width, before in zip(rows, widths, above, strict=False)
    ]


def _instance(instance: Instance, is_full: bool) -> Panel:
    state = "up" if instance.is_alive else "down"
    title = instance.name if is_full else "API"
    if not instance.is_alive:
        text = f"silent for {instance.silent_for:,.0f} s" if is_full else "silent"
        return Panel(title=title, state=state, text=text, kind="instance")
    details = (f"{instance.traffic.rate:,.1f} requests/s", _latency(instance.traffic, 0.95)) if is_full else ()
    return Panel(title=title, state=state, text="serves", kind="instance", details=details)


def _worker(worker: Instance, is_full: bool) -> Panel:
    title = worker.name if is_full else "worker"
    if not worker.is_alive:
        text = f"silent for {worker.silent_for:,.0f} s" if is_full else "silent"
        return Panel(title=title, state="down", text=text, kind="worker")
    return Panel(title=title, state="up", text="sends webhooks and mails", kind="worker")


def _node(node: NodeReport, primary: str | None, is_full: bool) -> Panel:
    address = (node.address,) if is_full else ()
    if node.role == "primary" and node.address != primary:
        # For some seconds after a failover, until the Sentinels reconfigure it; or they name no primary.
        title = "former primary" if primary else "primary"
        return Panel(title=title, state="odd", text="takes no writes", kind="node", details=address)
    if node.role == "primary":
        return Panel(title="primary", state="up", text="takes writes", kind="primary", details=address)
    if node.role == "down":
        return Panel(title="down", state="down", text="does not answer", kind="node", details=address)
    if node.link != "connected":
        return Panel(title="replica", state="odd", text="has lost its primary", kind="node", details=address)
    text = "follows" if not is_full or node.lag_bytes is None else _behind(node.lag_bytes)
    return Panel(title="replica", state="up", text=text, kind="node", details=address)


def _behind(lag: int) -> str:
    return "in step" if lag == 0 else f"{lag:,} bytes behind"


def _sentinel(snapshot: StatusSnapshot, sentinel: SentinelReport, is_full: bool) -> Panel:
    address = (sentinel.address,) if is_full else ()
    if sentinel.primary is None:
        return Panel(title="Sentinel", state="down", text="does not answer", kind="sentinel", details=address)
    if not snapshot.agrees(sentinel):
        return Panel(title="Sentinel", state="odd", text="names another primary", kind="sentinel", details=address)
    if sentinel.is_failing_over or sentinel.sees_primary_down:
        text = "is failing over" if sentinel.is_failing_over else "sees the primary down"
        return Panel(title="Sentinel", state="odd", text=text, kind="sentinel", details=address)
    return Panel(title="Sentinel", state="up", text="agrees", kind="sentinel", details=address)


def _numbers(snapshot: StatusSnapshot) -> Sequence[tuple[str, str, str]]:
    """Name, amount and unit of each number."""
    traffic, sales = snapshot.traffic, snapshot.sales
    agreeing = sum(snapshot.agrees(sentinel) for sentinel in snapshot.topology.sentinels)
    quorum = "quorum" if snapshot.topology.quorum else "no quorum"
    median, p95 = (_milliseconds(traffic.quantile(share)) for share in (0.5, 0.95))
    return [
        ("requests", f"{traffic.rate:,.1f}", "a second, all instances"),
        ("latency", p95, f"95 % of them; median {median}"),
        ("purchases", f"{sales.recent:,}" if sales else "?", f"in a minute; {sales.total:,} in all" if sales else ""),
        ("Sentinels", f"{agreeing} of {len(snapshot.topology.sentinels)}", f"agree: {quorum}"),
    ]


def _latency(traffic: Traffic, share: float) -> str:
    return f"{share:.0%} {_milliseconds(traffic.quantile(share))}"


def _milliseconds(seconds: float | None) -> str:
    """The upper bound of a latency, as text."""
    if seconds is None:
        return "-"
    return "> 10 s" if seconds == float("inf") else f"≤ {seconds * 1000:,g} ms"


def _bars(rates: Sequence[float]) -> Sequence[Mapping[str, float]]:
    """A bar for each second, as high as it had requests, compared with the busiest one; this second at the right."""
    most = max(rates, default=0) or 1
    heights = [round(rate / most * MAX_BAR_HEIGHT, 1) for rate in rates]
    return [
        {"x": (place - len(heights)) * SECOND_WIDTH, "y": MAX_BAR_HEIGHT - height, "height": height}
        for place, height in enumerate(heights)
    ]
