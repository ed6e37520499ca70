"""Use cases of the export of one's own data: pages of each kind, so that any number of records takes bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from shop.domain.callers import Caller
from shop.domain.outcomes import RecordedOutcome
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.purchases import Purchase, PurchaseQuery

T = TypeVar("T")
#: Records that are read at once. A purchase may have 100 lines.
EXPORT_PAGE_SIZE = 50


def export_outcomes(*, shop: Shop, caller: Caller) -> Iterator[Sequence[RecordedOutcome]]:
    """List the recorded outcomes that hold data of the caller."""
    return _pages(lambda position: shop.users.outcomes(caller.id, EXPORT_PAGE_SIZE, position))


def export_purchases(*, shop: Shop, caller: Caller) -> Iterator[Sequence[Purchase]]:
    """List the purchases of the caller, staff or not, the oldest first: one that is placed meanwhile is at the end."""
    query = PurchaseQuery(user=caller.id, descending=False)
    return _pages(lambda position: shop.purchases.page(query, EXPORT_PAGE_SIZE, position))


def _pages(read: Callable[[Position | None], Page[T]]) -> Iterator[Sequence[T]]:
    page = read(None)
    yield page.results
    # Bound: the records of one user, each of which is read once.
    while page.next:
        page = read(page.next)
        yield page.results
