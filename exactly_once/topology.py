"""Who is primary and whom to read from: agreed by the Sentinels, checked on the node, looked at again every second and
whenever a Sentinel announces something."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from redis.exceptions import ResponseError

from exactly_once.client import Address, Node, Nodes
from exactly_once.sentinel_events import Announcements
from exactly_once.sentinels import Answer, Sentinels, Shared
from exactly_once.server_errors import ServerFault
from exactly_once.topology_report import NodeReport, SentinelReport, TopologyReport
from shop import telemetry

#: Seconds between two looks, and while there is no primary: an announcement may be lost.
INTERVAL, URGENT = 1.0, 0.1
ROLE_TIMEOUT = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """The store at one instant. `primary` is None while there is none that works; `replicas` are those that a majority
    of the Sentinels find following a primary, and not down; `known` are all nodes that any Sentinel knows of, those
    that answer first. `is_certain` where a majority of the Sentinels answered: otherwise there may be another primary,
    which goes on without us. `following` counts the replicas whose link to the primary works."""

    primary: Address | None
    replicas: tuple[Address, ...]
    known: tuple[Address, ...]
    is_certain: bool
    following: int


class Fence:
    """How many writes the store has made, as far as this process knows: a node that counts fewer serves the past."""

    def __init__(self) -> None:
        self._value = 0
        self._lock = threading.Lock()

    @property
    def value(self) -> int:
        return self._value

    def raise_to(self, value: int) -> None:
        """What is known never shrinks by news that come late."""
        with self._lock:
            self._value = max(self._value, value)

    def restart_at(self, value: int, known: int) -> None:
        """The primary itself counts fewer than what was known when it was asked: the store was restored from a backup.
        Whoever has heard of something else since knows better."""
        with self._lock:
            if self._value == known:
                self._value = value


class Topology:
    """The present view, kept by a thread that begins with the first question."""

    def __init__(self, sentinels: Sentinels, nodes: Nodes, fence: Fence, fence_key: str, replicas: int) -> None:
        self._sentinels = sentinels
        self._nodes = nodes
        self._fence = fence
        self._fence_key = fence_key
        self._replicas = replicas
        self._view: View | None = None
        self._looked_at = 0.0
        self._seen = threading.Condition()
        self._is_due, self._is_closed = threading.Event(), False
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._announcements = Announcements(sentinels.addresses, nodes, self._is_due.set)
        self.refresh: Callable[[], View] = Shared(self._refresh)

    @property
    def view(self) -> View:
        """What was so a second ago at most; the first caller waits for it."""
        if self._view is None:
            self._watch()
            return self.refresh()
        return self._view

    def wait_for_primary(self, deadline: float) -> Address | None:
        """The primary as soon as there is one that works; None where there is none until `deadline`, in seconds since
        1970."""
        with self._seen:
            while self._primary is None and (left := deadline - time.time()) > 0:
                self._seen.wait(left)
            return self._primary

    def report(self) -> TopologyReport:
        """The store as each part of it answers now."""
        answers = self._sentinels.ask()
        primary = self._sentinels.primary(answers)
        known = _known(answers)
        reports = [
            self._node_report(self._nodes[address]) for address in sorted({*known, *([primary] if primary else [])})
        ]
        return _report(reports, primary, self._sentinels, answers, self._replicas)

    def close(self) -> None:
        """Stops looking, and closes the connections to the Sentinels."""
        self._is_closed = True
        self._is_due.set()
        self._announcements.close()
        if self._thread:
            self._thread.join()
        self._sentinels.close()

    @property
    def _primary(self) -> Address | None:
        return self._view.primary if self._view else None

    def _watch(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep_looking, name="topology", daemon=True)
                self._thread.start()
                self._announcements.start()

    def _keep_looking(self) -> None:
        while not self._is_closed:
            self._is_due.wait(INTERVAL if self._primary else URGENT)
            self._is_due.clear()
            try:
                self.refresh()
            except RuntimeError:  # the interpreter is shutting down: nobody can be asked any more
                return

    def _refresh(self) -> View:
        answers = self._sentinels.ask()
        primary = self._sentinels.primary(answers)
        known = _known(answers)
        others = [address for address in known if address != primary]
        up = self._agreed(others, [answer.up for answer in answers if answer])
        linked = self._agreed(others, [answer.linked for answer in answers if answer])
        if not any(answers):
            # No Sentinel can be asked: what was known of the replicas is better than nothing for reads.
            previous = self._view
            up, known = (list(previous.replicas), previous.known) if previous else ([], ())
        self._count_absence()
        works = primary is not None and self._serves_as_primary(primary)
        return self._show(
            View(
                primary=primary if works else None,
                replicas=tuple(up),
                known=tuple(sorted(known, key=lambda address: address not in up)),
                following=len(linked),
                is_certain=sum(map(bool, answers)) >= self._sentinels.majority,
            )
        )

    def _show(self, view: View) -> View:
        with self._seen:
            self._view = view
            if view.primary:
                self._seen.notify_all()
        return view

    def _count_absence(self) -> None:
        now = time.monotonic()
        if self._view and self._view.primary is None:
            telemetry.without_primary(now - self._looked_at)
        self._looked_at = now

    def _agreed(self, replicas: Iterable[Address], votes: Sequence[frozenset[Address]]) -> list[Address]:
        return [r for r in replicas if sum(r in vote for vote in votes) >= self._sentinels.majority]

    def _serves_as_primary(self, address: Address) -> bool:
        try:
            role, fence = self._nodes[address].run(("ROLE",), ("GET", self._fence_key), timeout=ROLE_TIMEOUT)
        except (ServerFault, ResponseError):
            return False
        if role[0] != "master":
            return False
        self._fence.raise_to(int(fence or 0))
        return True

    def _node_report(self, node: Node) -> tuple[NodeReport, int]:
        try:
            role = node.run(("ROLE",), timeout=ROLE_TIMEOUT)[0]
        except (ServerFault, ResponseError):
            return NodeReport(address=str(node.address), role="down", link="down", lag_bytes=None), 0
        if role[0] == "master":
            return NodeReport(address=str(node.address), role="primary", link="none", lag_bytes=0), int(role[1])
        return NodeReport(address=str(node.address), role="replica", link=role[3], lag_bytes=None), int(role[4])


def _known(answers: Sequence[Answer | None]) -> tuple[Address, ...]:
    return tuple(sorted({address for answer in answers if answer for address in (answer.primary, *answer.replicas)}))


def _report(
    reports: Sequence[tuple[NodeReport, int]],
    primary: Address | None,
    sentinels: Sentinels,
    answers: Sequence[Answer | None],
    replicas: int,
) -> TopologyReport:
    name = str(primary) if primary else None
    head = next((offset for report, offset in reports if report.address == name and report.role == "primary"), None)
    nodes = [_with_lag(report, offset, head) for report, offset in reports]
    seen = [
        SentinelReport(
            address=str(address),
            primary=str(answer.primary) if answer else None,
            sees_primary_down=bool(answer and not answer.primary_is_up),
            is_failing_over=bool(answer and answer.is_failing_over),
            epoch=answer.epoch if answer else 0,
        )
        for address, answer in zip(sentinels.addresses, answers, strict=True)
    ]
    return TopologyReport(
        primary=name if head is not None else None,
        nodes=nodes,
        sentinels=seen,
        quorum=primary is not None,
        status=_status(nodes, head is not None, all(answers), replicas),
    )


def _with_lag(report: NodeReport, offset: int, head: int | None) -> NodeReport:
    if report.role != "replica" or head is None or offset < 0:
        return report
    return NodeReport(address=report.address, role="replica", link=report.link, lag_bytes=max(head - offset, 0))


def _status(nodes: Sequence[NodeReport], has_primary: bool, every_sentinel: bool, replicas: int) -> str:
    following = sum(node.role == "replica" and node.link == "connected" for node in nodes)
    if has_primary:
        return "ok" if every_sentinel and following >= replicas else "degraded"
    return "read-only" if any(node.role != "down" for node in nodes) else "down"
