"""Port to many purchases at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.purchases import Line, Purchase, Status


class PurchaseBatches(Protocol):
    """Purchases that are placed or cancelled many at a time. Reads and writes as in UserRepository."""

    def place_all(
        self,
        purchases: Sequence[tuple[WriteRequest, str, str, Sequence[Line], datetime]],
        path: Sequence[Status] = (Status.PLACED,),
    ) -> Sequence[WriteResult[Purchase] | Exception]:
        """Place purchases in one round trip, however many are open; they have gone this `path` at once. An error takes
        the place of its result."""
        ...

    def unpaid(self, placed_before: datetime, max_purchases: int) -> Sequence[str]:
        """List the first `max_purchases` ids of placed, unpaid purchases, the earliest first."""
        ...

    def oldest_unpaid_at(self) -> datetime | None:
        """Return when the earliest placed, unpaid purchase was placed. A causal read."""
        ...

    def expire_all(
        self, purchases: Sequence[tuple[WriteRequest, str]], at: datetime
    ) -> Sequence[WriteResult[Purchase] | Exception]:
        """Cancel placed purchases in the shop's name, in one round trip; their units return to stock. An error takes
        the place of its result: InvalidTransition for one that is not placed any more."""
        ...
