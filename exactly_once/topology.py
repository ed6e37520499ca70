"""Which node is primary and which ones to read from: agreed by the Sentinels, checked on the node, and looked up again
every second and whenever a Sentinel publishes an event. Between two looks the primary is asked how far it is."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from redis.exceptions import ResponseError

from exactly_once.client import Address, Nodes
from exactly_once.errors import ServerError
from exactly_once.exclusions import QUERY, parse_channels
from exactly_once.observer import Observer, SilentObserver
from exactly_once.revision import RevisionWatermark, parse_reply
from exactly_once.sentinel_events import SentinelEvents
from exactly_once.sentinels import Sentinels, SentinelView, majority_of
from exactly_once.single_flight import SingleFlight

#: Seconds between two looks, and while there is no primary: an event may be lost.
REFRESH_S, REFRESH_WITHOUT_PRIMARY_S = 1.0, 0.1
#: Seconds between two queries of the primary's revision. At most a third of `revision.MAX_STALENESS_S`: one reply
#: may be late, and the watermark is still confirmed.
CONFIRMATION_INTERVAL_S = 0.08
ROLE_TIMEOUT_S = 0.25
#: Seconds after which a view is not used any more: the thread that refreshes it was held up, or the process was frozen.
MAX_VIEW_AGE_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """The cluster at one instant.

    `primary` is None while there is none that works; `replicas` are those that a majority of the Sentinels find
    following a primary, and not down; `known` are all nodes that any Sentinel knows of, those that answer first.
    `is_certain` where a majority of the Sentinels answered: otherwise there may be another primary, which goes on
    without us. `following` counts the replicas whose link to the primary works, without those that are excluded from
    elections (exactly_once/exclusions.py): a write waits for these. `epoch` is the configuration epoch under which it
    is primary, the highest that a Sentinel reports which names it. `known_replicas` counts the replicas that any
    Sentinel knows of, and never fewer than before while no majority answers: a write counts these, also those that
    were added after this process had started.
    """

    primary: Address | None
    replicas: tuple[Address, ...]
    known: tuple[Address, ...]
    is_certain: bool
    following: int
    epoch: int = 0
    known_replicas: int = 0


class Topology:
    """The present view, refreshed by a thread that starts with the first question. `release_slot` is entered while a
    thread waits for it."""

    def __init__(
        self,
        sentinels: Sentinels,
        nodes: Nodes,
        observer: Observer | None = None,
        release_slot: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
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
        self._refreshed_view: Callable[[], View] = SingleFlight(self._refresh)
        self._release_slot = release_slot

    @property
    def view(self) -> View:
        """The cluster as it was MAX_VIEW_AGE_S ago at most; a caller waits for it where there is none."""
        if self._thread is None:
            self._watch()
        view = self._view
        return view if view and self._age_s() <= MAX_VIEW_AGE_S else self.refresh()

    def refresh(self) -> View:
        """The cluster as it was found by questions that were asked after this call."""
        with self._release_slot():
            return self._refreshed_view()

    def track(self, watermark: RevisionWatermark) -> None:
        """Keep the watermark confirmed by the primary for as long as this thread runs and there is one."""
        self._watermarks = (*self._watermarks, watermark)

    def is_primary(self, address: Address) -> bool:
        """Whether the last view names this node as primary, however old the view is: this never blocks."""
        return self._primary == address

    def epoch_of(self, primary: Address) -> str:
        """What a write on this node passes to write.lua as the epoch of the primary. Of a node that is not primary any
        more the number is 0, which leaves the epoch that it has."""
        view = self._view
        return f"{view.epoch if view and view.primary == primary else 0} {primary}"

    def wait_for_primary(self, deadline: float) -> Address | None:
        """The primary as soon as there is one that works; None where there is none until `deadline`, on the clock of
        time.monotonic()."""
        with self._release_slot(), self._changed:
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

    def _age_s(self) -> float:
        return time.monotonic() - self._refreshed_at

    def _watch(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._refresh_repeatedly, name="topology", daemon=True)
                self._thread.start()
                self._events.start()

    def _refresh_repeatedly(self) -> None:
        while not self._is_closed:
            is_due = self._is_due.wait(CONFIRMATION_INTERVAL_S if self._primary else REFRESH_WITHOUT_PRIMARY_S)
            self._is_due.clear()
            try:
                if is_due or not self._is_confirmed():
                    self.refresh()
            except RuntimeError:
                # No thread can be started: the process is at its limit, or the interpreter is shutting down, which ends
                # this thread too.
                continue

    def _is_confirmed(self) -> bool:
        """Whether the last view is recent, and its primary has just answered as one. Where it did not answer, the
        Sentinels are asked before it is believed again: a failover takes longer than the pause between two queries,
        so none can have happened between two replies."""
        return self._age_s() < REFRESH_S and self._primary is not None and self._ask_primary(self._primary) is not None

    def _refresh(self) -> View:
        # Before the first question: where the process is frozen in between, the answers are as old as that.
        asked_at = time.monotonic()
        views = self._sentinels.ask()
        primary = self._sentinels.primary(views)
        known = known_nodes(views)
        others = [address for address in known if address != primary]
        majority = majority_of(views)
        up = _agreed(others, [view.up for view in views if view], majority)
        linked = _agreed(others, [view.linked for view in views if view], majority)
        previous, is_certain = self._view, sum(map(bool, views)) >= majority
        known_replicas = max(len(known) - 1, 0)
        if previous and not is_certain:
            known_replicas = max(known_replicas, previous.known_replicas)
        if not any(views):
            # No Sentinel can be asked: what was known of the replicas is better than nothing for reads.
            up, known = (list(previous.replicas), previous.known) if previous else ([], ())
        self._count_absence(asked_at)
        excluded = self._ask_primary(primary) if primary else None
        return self._publish(
            View(
                primary=primary if excluded is not None else None,
                replicas=tuple(up),
                known=tuple(sorted(known, key=lambda address: address not in up)),
                following=len(set(linked) - (excluded or frozenset())),
                is_certain=is_certain,
                epoch=max((view.epoch for view in views if view and view.primary == primary), default=0),
                known_replicas=known_replicas,
            ),
            asked_at,
        )

    def _publish(self, view: View, asked_at: float) -> View:
        with self._changed:
            self._view, self._refreshed_at = view, asked_at
            if view.primary:
                self._changed.notify_all()
        return view

    def _count_absence(self, now: float) -> None:
        if self._view and self._view.primary is None:
            self._observer.without_primary(now - self._refreshed_at)

    def _ask_primary(self, address: Address) -> frozenset[Address] | None:
        """The replicas that are excluded on this node, after it has confirmed the watermarks; None where it does not
        answer as a primary."""
        watermarks = self._watermarks
        queries, asked_at = [watermark.query for watermark in watermarks], time.monotonic()
        try:
            role, channels, *revisions = self._nodes[address].run(("ROLE",), QUERY, *queries, timeout=ROLE_TIMEOUT_S)
        except (ServerError, ResponseError):
            return None
        if role[0] != "master":
            return None
        for watermark, revision in zip(watermarks, revisions, strict=True):
            watermark.confirm(parse_reply(revision), asked_at)
        return parse_channels(channels)


def _agreed(replicas: Iterable[Address], votes: Sequence[frozenset[Address]], majority: int) -> list[Address]:
    return [r for r in replicas if sum(r in vote for vote in votes) >= majority]


def known_nodes(views: Sequence[SentinelView | None]) -> tuple[Address, ...]:
    """Every data node that any Sentinel knows of, in order of address."""
    return tuple(sorted({address for view in views if view for address in (view.primary, *view.replicas)}))
