"""The audit in Redis: the journal of the shop's store."""

from collections.abc import Iterator
from datetime import datetime

import orjson

from exactly_once import Consistency, Store, WriteDeclaration, WriteRequest, WriteResult, fails, returns
from exactly_once.declarations import Value
from exactly_once.journal import StoredEntry
from shop.domain.audit import AuditEntry, AuditQuery, read_changes
from shop.domain.audit_repository import AuditRepository
from shop.domain.pages import Page, Position
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window

#: Failed sign-ins that are recorded within a minute: of one network, and of all.
MAX_FAILURES_OF_NETWORK, MAX_FAILURES = 10, 100
#: Entries that one read of the stream returns, and that a page looks at.
READ_STEP, MAX_SCANNED = 500, 4_000
#: How far the clocks of an instance and of a data node may be apart: entries have the former's time, ids the latter's.
MAX_CLOCK_DIFFERENCE_MS = 600_000
#: Operations of the audit itself.
CHECKPOINT = "audit_checkpoint"


class FailureNotRecorded(Exception):
    """There were too many failed sign-ins within the minute; this one was counted."""


FAILURE: WriteDeclaration[bool] = WriteDeclaration(
    script="audit_failure",
    kind="user",
    keys=("failures",),
    args=("network", "max_of_network", "max_failures"),
    replies={"RECORDED": returns(lambda reply: True), "COUNTED": fails(lambda reply: FailureNotRecorded())},
)


class RedisAuditRepository(AuditRepository):
    """Reads the journal from its end, and filters what it reads."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def page(self, query: AuditQuery, size: int, position: Position | None) -> Page[AuditEntry]:
        window = Window(size=size, position=position, descending=True)
        found: list[tuple[str, AuditEntry]] = []
        scanned, last = 0, ""
        for stored in self._scan(query, window):
            scanned, last = scanned + 1, stored.id
            entry = read_entry(stored)
            if entry and query.matches(entry):
                found.append((stored.id, entry))
            if len(found) > size:
                return window.page(found)
        return window.cut(found, last) if scanned >= MAX_SCANNED else window.page(found)

    def record_failure(self, request: WriteRequest, network: str) -> WriteResult[bool]:
        args: dict[str, Value] = {
            "network": network,
            "max_of_network": MAX_FAILURES_OF_NETWORK,
            "max_failures": MAX_FAILURES,
        }
        try:
            return self._store.write(FAILURE.call(request, keys={"failures": self._keys.sign_in_failures}, args=args))
        except FailureNotRecorded:
            return WriteResult(value=False, origin_request_id=request.id)

    def _scan(self, query: AuditQuery, window: Window) -> Iterator[StoredEntry]:
        """The entries of a page's side of the journal, MAX_SCANNED at most."""
        low, high = _bounds(query, window)
        for _ in range(MAX_SCANNED // READ_STEP):
            verb, first, second = ("XREVRANGE", high, low) if window.is_reversed else ("XRANGE", low, high)
            command = (verb, self._keys.journal, first, second, "COUNT", READ_STEP)
            rows = self._store.read(command, Consistency.CAUSAL)
            for id, flat in rows:
                yield StoredEntry.read(id, flat)
            if len(rows) < READ_STEP:
                return
            low, high = (low, f"({rows[-1][0]}") if window.is_reversed else (f"({rows[-1][0]}", high)


def read_entry(stored: StoredEntry) -> AuditEntry | None:
    """The entry of what is stored; None for one that is damaged, and so no entry of the audit."""
    try:
        document = orjson.loads(stored.text)
        added = orjson.loads(stored.effect) if stored.effect else ()
        return AuditEntry(
            sequence=stored.sequence,
            at=datetime.fromisoformat(document["at"]),
            operation=document["operation"],
            actor=document["actor"],
            role=document["role"],
            network=document["network"],
            object=document["object"],
            changes=read_changes(document["changes"], added),
            request_id=document["request"],
        )
    except (KeyError, TypeError, ValueError):
        return None


def _bounds(query: AuditQuery, window: Window) -> tuple[str, str]:
    """The ids between which the entries of a page are."""
    low = "-" if query.since is None else _id_at(query.since, -MAX_CLOCK_DIFFERENCE_MS)
    high = "+" if query.until is None else _id_at(query.until, MAX_CLOCK_DIFFERENCE_MS)
    if window.position is None:
        return low, high
    edge = f"({window.position.key}"
    return (low, edge) if window.is_reversed else (edge, high)


def _id_at(at: datetime, later_ms: int) -> str:
    """The id of entries of that millisecond; the first one of all for an instant before 1970."""
    return str(max(records.milliseconds(at) + later_ms, 0))
