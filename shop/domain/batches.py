"""Port to many purchases at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.purchases import Line, Purchase, Status


class NotDue(Exception):
    """The instant by which a purchase must be paid has not come: it does not expire. No request gets this."""


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

    def unpaid(self, at: datetime, placed_before: datetime | None, max_purchases: int) -> Sequence[str]:
        """List ids of purchases that were not paid in time, `max_purchases` at most: first those whose `pay_by` has
        passed at this instant, the earliest first; then those without one that were placed before `placed_before`
        (None: no such). It looks at a bounded number of purchases."""
        ...

    def oldest_unpaid_at(self) -> datetime | None:
        """Return when the earliest placed, unpaid purchase was placed. A causal read."""
        ...

    def earliest_pay_by(self) -> datetime | None:
        """Return the earliest instant by which a placed, unpaid purchase must be paid. A causal read."""
        ...

    def expire_all(
        self, purchases: Sequence[tuple[WriteRequest, str]], at: datetime
    ) -> Sequence[WriteResult[Purchase] | Exception]:
        """End placed purchases in the shop's name, in one round trip; their units return to stock. One with `pay_by`
        becomes expired, any other cancelled; one whose payment is authorized stays placed, and its `pay_by` is later.
        An error takes the place of its result: InvalidTransition for one that is not placed any more, NotDue for one
        that may still be paid."""
        ...
