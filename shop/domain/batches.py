"""Port to many purchases at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.purchases import Line, Purchase, Status


class NotDue(Exception):
    """The instant by which a purchase must be paid has not come: it does not expire. No request gets this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpaid:
    """Ids of purchases that were not paid in time, and where to look for more of those without `pay_by`: empty at the
    end of all that are placed."""

    ids: Sequence[str]
    next_start: str


class PurchaseBatches(Protocol):
    """Purchases that are placed or ended many at a time. Reads and writes as in UserRepository."""

    def place_all(
        self,
        purchases: Sequence[tuple[WriteRequest, str, str, Sequence[Line], datetime]],
        path: Sequence[Status] = (Status.PLACED,),
    ) -> Sequence[WriteResult[Purchase] | Exception]:
        """Place purchases in one round trip, however many are open; they have gone this `path` at once. An error takes
        the place of its result."""
        ...

    def unpaid(self, placed_before: datetime | None, max_purchases: int, start: str = "", skipped: int = 0) -> "Unpaid":
        """List purchases that were not paid in time, `max_purchases` at most: first those whose `pay_by` has passed by
        the store's clock, the earliest first, without the first `skipped`; then those without one that were placed
        before `placed_before` (None: no such), looked for from `start` on. It looks at a bounded number of
        purchases."""
        ...

    def overdue_for(self, placed_before: datetime | None) -> timedelta:
        """Return for how long a purchase has been overdue that `unpaid` would list, the longest; nothing where there is
        none. One whose payment is authorized is not overdue. A causal read."""
        ...

    def expire_all(
        self, purchases: Sequence[tuple[WriteRequest, str]], at: datetime
    ) -> Sequence[WriteResult[Purchase] | Exception]:
        """End placed purchases in the shop's name, in one round trip; their units return to stock. One with `pay_by`
        becomes expired, any other cancelled; one whose payment is authorized stays placed, and its `pay_by` is later.
        An error takes the place of its result: InvalidTransition for one that is not placed any more, NotDue for one
        that may still be paid, by the store's clock: `at` is the instant in its history."""
        ...

    def has_guests_to_forget(self, at: datetime) -> bool:
        """Whether the purchase of a guest ended unpaid longer than GUEST_RETENTION before this instant, and has their
        email and address still."""
        ...

    def forget_guests(self, request: WriteRequest, at: datetime, max_purchases: int) -> WriteResult[int]:
        """Take email and address out of so many of these purchases at most. A payment that arrives from then on goes
        back. Returns how many there were."""
        ...
