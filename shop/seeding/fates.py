"""What becomes of a purchase that is bought through a cart: the steps, and how to tell which of them are done."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from shop.domain.purchases import Status
from shop.domain.returns import ReturnStatus


class Step(StrEnum):
    """Something that happens to a purchase after the checkout."""

    PAY = "pay"
    DECLINE = "decline"
    EXPIRE = "expire"
    CANCEL = "cancel"
    SHIP_PART = "ship-part"
    SHIP = "ship"
    DELIVER = "deliver"
    REFUND_PART = "refund-part"
    ASK = "ask"
    REFUSE = "refuse"
    APPROVE = "approve"
    RECEIVE = "receive"
    REFUND = "refund"


class Fate(StrEnum):
    """How a purchase ends."""

    DELIVERED = "delivered"
    SHIPPED = "shipped"
    PARTIALLY_SHIPPED = "partially-shipped"
    PAID = "paid"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    PARTIALLY_REFUNDED = "partially-refunded"
    REFUNDED = "refunded"
    RETURN_REQUESTED = "return-requested"
    RETURN_REFUSED = "return-refused"
    RETURN_APPROVED = "return-approved"
    RETURN_RECEIVED = "return-received"


_DELIVERY = (Step.PAY, Step.SHIP, Step.DELIVER)
STEPS: Mapping[Fate, Sequence[Step]] = MappingProxyType(
    {
        Fate.DELIVERED: _DELIVERY,
        Fate.SHIPPED: (Step.PAY, Step.SHIP),
        Fate.PARTIALLY_SHIPPED: (Step.PAY, Step.SHIP_PART),
        Fate.PAID: (Step.PAY,),
        Fate.EXPIRED: (Step.DECLINE, Step.EXPIRE),
        Fate.CANCELLED: (Step.PAY, Step.CANCEL),
        Fate.PARTIALLY_REFUNDED: (*_DELIVERY, Step.REFUND_PART),
        Fate.REFUNDED: (*_DELIVERY, Step.ASK, Step.APPROVE, Step.RECEIVE, Step.REFUND),
        Fate.RETURN_REQUESTED: (*_DELIVERY, Step.ASK),
        Fate.RETURN_REFUSED: (*_DELIVERY, Step.ASK, Step.REFUSE),
        Fate.RETURN_APPROVED: (*_DELIVERY, Step.ASK, Step.APPROVE),
        Fate.RETURN_RECEIVED: (*_DELIVERY, Step.ASK, Step.APPROVE, Step.RECEIVE),
    }
)
#: What a step makes of the purchase, and of its return.
_STATUSES: Mapping[Step, Status] = MappingProxyType(
    {
        Step.PAY: Status.PAID,
        Step.EXPIRE: Status.EXPIRED,
        Step.CANCEL: Status.CANCELLED,
        Step.SHIP_PART: Status.PARTIALLY_SHIPPED,
        Step.SHIP: Status.SHIPPED,
        Step.DELIVER: Status.DELIVERED,
        Step.REFUND_PART: Status.PARTIALLY_REFUNDED,
        Step.REFUND: Status.REFUNDED,
    }
)
_RETURN_STATUSES: Mapping[Step, ReturnStatus] = MappingProxyType(
    {
        Step.ASK: ReturnStatus.REQUESTED,
        Step.REFUSE: ReturnStatus.REFUSED,
        Step.APPROVE: ReturnStatus.APPROVED,
        Step.RECEIVE: ReturnStatus.RECEIVED,
    }
)


def steps_left(fate: Fate, status: str, return_status: str) -> Sequence[Step]:
    """Return the steps that are left for a purchase and its return in these statuses, each empty where there is none.
    None are left where they have gone another way, such as by the hands of staff."""
    steps = STEPS[fate]
    done: int | None = -1
    if status not in ("", Status.PLACED):
        done = _place(steps, _STATUSES, status)
    if return_status and done is not None and status != Status.REFUNDED:
        done = _place(steps, _RETURN_STATUSES, return_status)
    return () if done is None else steps[done + 1 :]


def _place(
    steps: Sequence[Step], statuses: Mapping[Step, Status] | Mapping[Step, ReturnStatus], status: str
) -> int | None:
    """The place of the step that leads to this status."""
    return next((place for place, step in enumerate(steps) if statuses.get(step) == status), None)
