"""Which node is primary and which ones to read from: agreed by the Sentinels, checked on the node, and looked up again
every second and whenever a Sentinel publishes an event."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from redis.exceptions import ResponseError

from exactly_once.client import Address, Nodes
from exactly_once.errors import ServerError
from exactly_once.observer import Observer, SilentObserver
from exactly_once.revision import RevisionWatermark
from exactly_once.sentinel_events import SentinelEvents
from exactly_once.sentinels import Sentinels, SentinelView
from exactly_once.single_flight import SingleFlight

#: Seconds between two looks, and while there is no primary: an event may be lost.
REFRESH_S, REFRESH_WITHOUT_PRIMARY_S = 1.0, 0.1
ROLE_TIMEOUT_S = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """The cluster at one instant.

    `primary` is None while there is none that works; `replicas` are those that a majority of the Sentinels find
    following a primary, and not down; `known` are all nodes that any Sentinel knows of, those that answer first.
    `is_certain` where a majority of the Sentinels answered: otherwise there may be another primary, which goes on
    without us. `following` counts the replicas whose link to the primary works.
    """

    primary: Address | None
    replicas: tuple[Address, ...]
    known: tuple[Address, ...]
    is_certain: bool
    following: int


class Topology:
    """The present view, refreshed by a thread that starts with the first question."""

    def __init__(self, sentinels: Sentinels, nodes: Nodes, observer: Observer | None = None) -> None:
        self._sentinels = sentinels
        self._nodes = nodes
        self._observer: Observer = observer or SilentObserver()
        self._watermarks: tuple[RevisionWatermark, ...] = ()
        self._view: View | None = None
        self._refreshed_at = 0.0
        self._changed = threading.Condition()
        self._is_due, self._is_closed = threading.Event(), False
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._events = SentinelEvents(sentinels.addresses, nodes, self._is_due.set)
        self.refresh: Callable[[], View] = SingleFlight(self._refresh)

    @property
    def view(self) -> View:
        """The cluster as it was a second ago at most; the first caller waits for it."""
        if self._thread is None:
            self._watch()
        return self._view or self.refresh()

    def track(self, watermark: RevisionWatermark) -> None:
        """Advance the watermark with every refresh to the revision that the primary has."""
        self._watermarks = (*self._watermarks, watermark)

    def wait_for_primary(self, deadline: float) -> Address | None:
        """The primary as soon as there is one that works; None where there is none until `deadline`, on the clock of
        time.monotonic()."""
        with self._changed:
            while self._primary is None and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return self._primary

    def close(self) -> None:
        """Stop refreshing, and close the connections to the Sentinels."""
        self._is_closed = True
        self._is_due.set()
        self._events.close()
        if self._thread:
            self._thread.join()
        self._sentinels.close()

    @property
    def _primary(self) -> Address | None:
        return self._view.primary if self._view else None

    def _watch(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._refresh_repeatedly, name="topology", daemon=True)
                self._thread.start()
                self._events.start()

    def _refresh_repeatedly(self) -> None:
        while not self._is_closed:
            self._is_due.wait(REFRESH_S if self._primary else REFRESH_WITHOUT_PRIMARY_S)
            self._is_due.clear()
            try:
                self.refresh()
            except RuntimeError:  # the interpreter is shutting down: no thread can be started any more
                return

    def _refresh(self) -> View:
        views = self._sentinels.ask()
        primary = self._sentinels.primary(views)
        known = known_nodes(views)
        others = [address for address in known if address != primary]
        up = self._agreed(others, [view.up for view in views if view])
        linked = self._agreed(others, [view.linked for view in views if view])
        if not any(views):
            # No Sentinel can be asked: what was known of the replicas is better than nothing for reads.
            previous = self._view
            up, known = (list(previous.replicas), previous.known) if previous else ([], ())
        self._count_absence()
        works = primary is not None and self._serves_as_primary(primary)
        return self._publish(
            View(
                primary=primary if works else None,
                replicas=tuple(up),
                known=tuple(sorted(known, key=lambda address: address not in up)),
                following=len(linked),
                is_certain=sum(map(bool, views)) >= self._sentinels.majority,
            )
        )

    def _publish(self, view: View) -> View:
        with self._changed:
            self._view = view
            if view.primary:
                self._changed.notify_all()
        return view

    def _count_absence(self) -> None:
        now = time.monotonic()
        if self._view and self._view.primary is None:
            self._observer.without_primary(now - self._refreshed_at)
        self._refreshed_at = now

    def _agreed(self, replicas: Iterable[Address], votes: Sequence[frozenset[Address]]) -> list[Address]:
        return [r for r in replicas if sum(r in vote for vote in votes) >= self._sentinels.majority]

    def _serves_as_primary(self, address: Address) -> bool:
        watermarks = self._watermarks
        queries = [("GET", watermark.key) for watermark in watermarks]
        try:
            role, *revisions = self._nodes[address].run(("ROLE",), *queries, timeout=ROLE_TIMEOUT_S)
        except (ServerError, ResponseError):
            return False
        if role[0] != "master":
            return False
        for watermark, revision in zip(watermarks, revisions, strict=True):
            watermark.advance_to(int(revision or 0))
        return True


def known_nodes(views: Sequence[SentinelView | None]) -> tuple[Address, ...]:
    """Every data node that any Sentinel knows of, in order of address."""
    return tuple(sorted({address for view in views if view for address in (view.primary, *view.replicas)}))
