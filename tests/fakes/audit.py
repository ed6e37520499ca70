"""The audit in memory."""

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.audit import AuditEntry, AuditQuery
from shop.domain.audit_repository import AuditRepository
from shop.domain.pages import Page, Position
from shop.repositories.audit import MAX_FAILURES, MAX_FAILURES_OF_NETWORK
from tests.fakes.paging import page_of
from tests.fakes.store import FakeStore


class FakeAudit(AuditRepository):
    """All failed sign-ins are within one minute."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def page(self, query: AuditQuery, size: int, position: Position | None) -> Page[AuditEntry]:
        with self._store.reading():
            found = [entry for entry in self._store.audit if query.matches(entry)]
            return page_of(found, lambda entry: (entry.sequence,), descending=True, size=size, position=position)

    def record_failure(self, request: WriteRequest, network: str) -> WriteResult[bool]:
        counts = self._store.sign_in_failures
        if counts[network] >= MAX_FAILURES_OF_NETWORK or counts.total() >= MAX_FAILURES:
            return WriteResult(value=False, origin_request_id=request.id)

        def effect() -> bool:
            counts[network] += 1
            self._store.note("user:")
            return True

        return self._store.once(request, effect)
