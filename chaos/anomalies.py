"""What the checker finds: broken promises, by their kind."""

from dataclasses import dataclass
from enum import StrEnum


class Anomaly(StrEnum):
    """The kinds of violations, as Jepsen uses the word."""

    LOST = "lost"
    DOUBLED = "doubled"
    OVERSOLD = "oversold"
    STALE = "stale read"
    OVER_LIMIT = "voucher over its limit"
    OVER_REFUNDED = "refunded over captured"
    PAID_NOT_SOLD = "paid and not sold"
    SOLD_NOT_PAID = "sold and not paid"
    DIVERGED = "diverged"
    BAD_ANSWER = "bad answer"
    MISCOUNTED = "miscounted"
    MISSING_EVENT = "missing event"
    STRAY_EVENT = "stray event"


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """One broken promise: its kind, and what it is about. `due` is that of the call it is about; None where it is about
    no single call."""

    anomaly: Anomaly
    detail: str
    due: float | None = None
