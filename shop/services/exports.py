"""Use cases of the export of one's own data: pages of each kind, so that any number of records takes bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from shop.domain.audit import AuditEntry, AuditQuery
from shop.domain.callers import Caller
from shop.domain.outcomes import RecordedOutcome
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.purchases import Purchase, PurchaseQuery
from shop.domain.returns import Return, ReturnQuery
from shop.domain.users import User

T = TypeVar("T")
#: Records that are read at once. A purchase may have 100 lines.
EXPORT_PAGE_SIZE = 50
#: How much earlier than its user the entry of a registration may be: it has the instant of the request.
REGISTRATION_LEAD = timedelta(minutes=1)


def export_outcomes(*, shop: Shop, caller: Caller) -> Iterator[Sequence[RecordedOutcome]]:
    """List the recorded outcomes that hold data of the caller."""
    return _pages(lambda position: shop.users.outcomes(caller.id, EXPORT_PAGE_SIZE, position))


def export_networks(*, shop: Shop, caller: Caller) -> Sequence[tuple[str, datetime]]:
    """List the keyed digests of the networks of the caller's last sign-ins, each with the last instant."""
    return list(shop.users.credentials_by_id(caller.id).networks.items())


def export_resets(*, shop: Shop, caller: Caller) -> Sequence[datetime]:
    """List when each pending reset of the caller's password expires."""
    return shop.accounts.pending_resets(caller.id, shop.clock.now())


def export_audit(*, shop: Shop, user: User) -> Iterator[Sequence[AuditEntry]]:
    """List the audit's entries of the user and about the user, newest first. The audit is searched back to the user's
    registration; a page may be empty."""
    query = AuditQuery(user=user.id, since=user.created_at - REGISTRATION_LEAD)
    return _pages(lambda position: shop.audit.page(query, EXPORT_PAGE_SIZE, position))


def export_purchases(*, shop: Shop, caller: Caller) -> Iterator[Sequence[Purchase]]:
    """List the purchases of the caller, staff or not, the oldest first: one that is placed meanwhile is at the end."""
    query = PurchaseQuery(user=caller.id, descending=False)
    return _pages(lambda position: shop.purchases.page(query, EXPORT_PAGE_SIZE, position))


def export_returns(*, shop: Shop, caller: Caller) -> Iterator[Sequence[Return]]:
    """List the returns of the caller's purchases, newest first."""
    query = ReturnQuery(user=caller.id)
    return _pages(lambda position: shop.returns.page(query, caller.id, EXPORT_PAGE_SIZE, position))


def _pages(read: Callable[[Position | None], Page[T]]) -> Iterator[Sequence[T]]:
    page = read(None)
    yield page.results
    # Bound: the records of one user, or the entries of the audit, each of which is read once.
    while page.next:
        page = read(page.next)
        yield page.results
