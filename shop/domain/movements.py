"""Movements of stock: every change of it, and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MovementKind(StrEnum):
    """Why a stock changed. CANCELLED, EXPIRED and REFUNDED are called as the status of the purchase whose units came
    back."""

    OPENING = "opening"
    SALE = "sale"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    RETURNED = "returned"
    ADJUSTMENT = "adjustment"
    #: The sum of movements that are so old that they are no longer listed.
    CARRIED = "carried"


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """A change of a stock by `quantity` units, negative where units went out. `reference` is the id of the purchase, or
    of the request of an adjustment; else that of the product. `by` is the id of who did it: of staff, of an API key,
    SYSTEM of the shop, None where it is a customer, whom the purchase names."""

    id: str
    at: datetime
    kind: MovementKind
    quantity: int
    reference: str
    by: str | None

    @property
    def is_of_purchase(self) -> bool:
        """Whether `reference` is the id of a purchase."""
        return self.kind not in (MovementKind.OPENING, MovementKind.ADJUSTMENT, MovementKind.CARRIED)
