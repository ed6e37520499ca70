"""Port to the entries of the audit."""

from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.audit import AuditEntry, AuditQuery
from shop.domain.pages import Page, Position


class AuditRepository(Protocol):
    """The audit. Every write of a request with a journal appends its entry in the same step, once, and none where the
    write is refused. Reads are causal, as those of products."""

    def page(self, query: AuditQuery, size: int, position: Position | None) -> Page[AuditEntry]:
        """List the entries of the query, newest first. A page may have fewer than `size` entries though more follow:
        a bounded number of entries is looked at."""
        ...

    def record_failure(self, request: WriteRequest, network: str) -> WriteResult[bool]:
        """Append the entry of a failed sign-in from this network, or count it where there were too many within a
        minute; the next entry has the count, as `unrecorded`. Return whether it was appended."""
        ...
