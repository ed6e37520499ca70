"""Port to the stored payments, and what its writes take."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.callers import Caller
from shop.domain.carts import CartCaller
from shop.domain.payments import Intent, Payment, ProviderState, Refund
from shop.domain.purchases import Purchase


@dataclass(frozen=True, kw_only=True, slots=True)
class RefundOrder:
    """A refund to reserve: `amount` None is all that has not been refunded."""

    id: str
    amount: int | None
    restock: bool
    reason: str
    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReservedRefund:
    """A payment, and which of its refunds a write has reserved."""

    payment: Payment
    refund: Refund


@dataclass(frozen=True, kw_only=True, slots=True)
class StateReport:
    """A state to apply, and how it came: `event` is the id of the provider's event, empty where the provider was asked.
    `ends_intent` where it is the answer to what the intent wanted. `refund_id` becomes the id of the refund that the
    write reserves, where the purchase cannot have the money. The payment is checked next at `check_at`."""

    state: ProviderState
    at: datetime
    refund_id: str
    check_at: datetime
    event: str = ""
    ends_intent: bool = False


class PaymentRepository(Protocol):
    """Payments. Reads and writes as in UserRepository. `caller` None reaches the payments of all purchases."""

    def begin(self, request: WriteRequest, payment: Payment, caller: CartCaller | None) -> WriteResult[Payment]:
        """Store a payment of a placed purchase, with its amount; or return the open one, where the purchase has one.

        Raises: NotFound, InvalidTransition where the purchase is not placed, TooManyPayments."""
        ...

    def apply(self, request: WriteRequest, payment: Payment, report: StateReport) -> WriteResult[Payment]:
        """Merge the provider's state into the payment. Where it is captured as a whole for the first time, the purchase
        becomes paid: an expired one takes its units again; a purchase that cannot have it, or has only a part of it,
        has the payment orphaned, and a refund of it reserved. An event takes effect once.

        Raises: NotFound."""
        ...

    def intend(self, request: WriteRequest, payment: Payment, intent: Intent, at: datetime) -> WriteResult[Payment]:
        """Record what is to be done with an authorized payment, or that an open one is to be cancelled.

        Raises: NotFound, InvalidTransition."""
        ...

    def reserve_refund(
        self, request: WriteRequest, purchase: str, order: RefundOrder, payment_id: str, at: datetime
    ) -> WriteResult[ReservedRefund]:
        """Reserve an amount of what was captured for the purchase. A purchase that was paid without a payment gets one
        of the provider MANUAL with this id.

        Raises: NotFound, InvalidTransition where the purchase was not paid, RefundExceedsCaptured, TooManyRefunds;
        Invalid for a part with `restock`."""
        ...

    def pay_manually(
        self, request: WriteRequest, purchase: str, payment_id: str, by: Caller, at: datetime
    ) -> WriteResult[Purchase]:
        """Make a placed purchase paid, by a payment of the provider MANUAL.

        Raises: NotFound, InvalidTransition."""
        ...

    def get(self, id: str, caller: CartCaller | None) -> Payment:
        """Raises: NotFound."""
        ...

    def of_purchase(self, purchase: str, caller: CartCaller | None) -> Sequence[Payment]:
        """List the payments of the purchase, the oldest first.

        Raises: NotFound."""
        ...

    def due(self, at: datetime, max_payments: int) -> Sequence[str]:
        """List ids of payments to check, the longest due first."""
        ...

    def postpone(self, request: WriteRequest, id: str, check_at: datetime) -> WriteResult[None]:
        """Have a payment that is to be checked, if it is, checked no earlier than at this instant. It may be one that
        cannot be read."""
        ...

    def count_unrefunded(self) -> int:
        """Return how many payments owe money whose refunds the provider has refused REFUSED_OFTEN times or more, those
        included for which no further one is asked for. A causal read."""
        ...
