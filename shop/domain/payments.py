"""Payments of purchases, their refunds, and the providers that move the money.

What a provider reports is a state with cumulative totals, never an amount to add: states may come twice, late and in
any order, and the stored totals only ever grow but for a refund that fails after it had succeeded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import NAMESPACE_OID, uuid5

from shop.domain.carts import CartCaller
from shop.domain.errors import FieldError, Invalid
from shop.domain.money import Money

#: Payments of one purchase, and refunds of one payment.
MAX_PAYMENTS, MAX_REFUNDS = 20, 50
#: Refunds of one payment beyond which what is owed is not asked for again; MAX_REFUNDS are left to that at least. The
#: same as in lua/parts/refund_retries.lua.
MAX_REFUNDS_IN_ALL = 100
#: Refunds of a payment that failed, from which on what it owes counts as refused: after about an hour. The same as
#: there.
REFUSED_OFTEN = 8
#: Payments of one purchase that a guest begins: who needs no account may not try many cards.
MAX_GUEST_PAYMENTS = 5
#: Between two checks of a payment.
MIN_CHECK_INTERVAL, MAX_CHECK_INTERVAL = timedelta(seconds=15), timedelta(hours=1)
#: Staff who take the money themselves are a provider, too: the one of POST /purchases/{id}/pay/.
MANUAL = "manual"


class PaymentStatus(StrEnum):
    """The status of a payment. A provider reports one of the first six."""

    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    FAILED = "failed"
    AUTHORIZED = "authorized"
    CANCELLED = "cancelled"
    CAPTURED = "captured"
    #: Captured for a purchase that cannot have it: all of it is refunded.
    ORPHANED = "orphaned"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"

    @property
    def words(self) -> str:
        """The status as a person reads it."""
        return self.value.replace("_", " ")

    @property
    def successors(self) -> Sequence["PaymentStatus"]:
        """What may follow where staff ask for it."""
        return _SUCCESSORS.get(self, ())


_SUCCESSORS: Mapping[PaymentStatus, Sequence[PaymentStatus]] = {
    PaymentStatus.PROCESSING: (PaymentStatus.CANCELLED,),
    PaymentStatus.REQUIRES_ACTION: (PaymentStatus.CANCELLED,),
    PaymentStatus.AUTHORIZED: (PaymentStatus.CAPTURED, PaymentStatus.CANCELLED),
}
#: A purchase has one of these at most: a second request for a payment is answered with it.
OPEN_STATUSES = (PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION, PaymentStatus.AUTHORIZED)


class RefundStatus(StrEnum):
    """The status of a refund. A pending one has its amount reserved."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Intent(StrEnum):
    """What staff want of an authorized payment, recorded before the provider is asked to do it."""

    CAPTURE = "capture"
    CANCEL = "cancel"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refund:
    """Money of a payment that goes back. With `restock` the units of the purchase return to stock once all has gone.
    `by` is the id of who asked for it, SYSTEM where the shop did, None where a buyer did: the purchase names them."""

    id: str
    amount: Money
    status: RefundStatus
    restock: bool
    reason: str
    by: str | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """A payment. `method` is the provider's name of what is charged, such as a card; `reference` the provider's id of
    the payment, empty until the provider has answered. Captured <= authorized <= amount; refunded <= captured.
    `failure` is the provider's code of why it failed."""

    id: str
    purchase: str
    provider: str
    method: str
    is_captured_later: bool
    return_url: str
    amount: Money
    status: PaymentStatus
    reference: str
    authorized: Money
    captured: Money
    refunded: Money
    refunds: Sequence[Refund]
    intent: Intent | None
    client_secret: str
    redirect_url: str
    failure: str
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def is_open(self) -> bool:
        """Whether money may come in still."""
        return self.status in OPEN_STATUSES

    @property
    def pending_refunds(self) -> Sequence[Refund]:
        return [refund for refund in self.refunds if refund.status is RefundStatus.PENDING]

    @property
    def refundable(self) -> Money:
        """What was captured, and is neither refunded nor about to be."""
        pending = sum(refund.amount.minor for refund in self.pending_refunds)
        return replace(self.captured, minor=self.captured.minor - self.refunded.minor - pending)

    @property
    def is_settled(self) -> bool:
        """Whether the provider has nothing left to do."""
        return not (self.is_open or self.pending_refunds)

    def refund(self, id: str) -> Refund:
        """Raises: KeyError."""
        return {refund.id: refund for refund in self.refunds}[id]

    def next_check(self, now: datetime) -> datetime:
        """When the provider is asked for what it has not reported: the older the payment, the more rarely."""
        return now + min(max(now - self.updated_at, MIN_CHECK_INTERVAL), MAX_CHECK_INTERVAL)


def max_payments(caller: CartCaller | None) -> int:
    """The payments that the purchase of this caller may have, None being staff."""
    return MAX_GUEST_PAYMENTS if caller and not caller.user else MAX_PAYMENTS


def restocks_part() -> Invalid:
    """The error of a refund that is to bring the units back, and is of a part: it does not say which of them, and money
    that is pending may never go back."""
    detail = (
        "Units return with all that is left, and while no other refund is pending: leave out the amount, wait for that "
        "refund, or receive a return for some of the units."
    )
    return Invalid(FieldError("/restock", "restocks-part", detail))


def last_refund_id(purchase: str) -> str:
    """The id of the refund of all that is left when a purchase is cancelled or refunded, which happens once."""
    return str(uuid5(NAMESPACE_OID, f"last refund of {purchase}"))


def new_payment(id: str, purchase: str, provider: str, at: datetime) -> Payment:
    """A payment that nothing is known of: the store gives it the purchase's amount."""
    nothing = Money(minor=0, currency="")
    return Payment(
        id=id,
        purchase=purchase,
        provider=provider,
        method="",
        is_captured_later=False,
        return_url="",
        amount=nothing,
        status=PaymentStatus.PROCESSING,
        reference="",
        authorized=nothing,
        captured=nothing,
        refunded=nothing,
        refunds=(),
        intent=None,
        client_secret="",
        redirect_url="",
        failure="",
        created_at=at,
        updated_at=at,
        version=1,
    )


def manual_payment(id: str, purchase: str, at: datetime) -> Payment:
    """A payment that staff have taken."""
    return replace(new_payment(id, purchase, MANUAL, at), status=PaymentStatus.CAPTURED, reference=id)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderState:
    """A payment as its provider sees it: totals in minor units of the payment's currency, all of them since the
    payment began, `refunded` without refunds that have not succeeded or that it names as failed. `refunds` has the
    status of each refund of ours, by our id, as far as the provider names them. With `is_incomplete` there is more to
    know: the provider is asked."""

    status: PaymentStatus
    reference: str = ""
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    refunds: Mapping[str, RefundStatus] | None = None
    client_secret: str = ""
    redirect_url: str = ""
    failure: str = ""
    is_incomplete: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderEvent:
    """What a provider's webhook says: `payment` is our id of the payment, empty where it is about none."""

    id: str
    payment: str
    state: ProviderState | None


class PaymentProvider(Protocol):
    """Moves money. Each call carries a key of ours, under which the provider does it once, however often it is asked:
    the id of the payment for `begin`, followed by `:capture` or `:cancel` for these, the id of the refund for `refund`.
    A call takes a few seconds at most, and answers with the state behind it. That the provider refuses is a state, too:
    of a decline FAILED with `failure`; of a capture, a cancel or a refund the state as it is.

    Raises (every method but verify_event): ProviderUnavailable where it is not known what was done; `fetch` tells."""

    #: As in URLs and records: lower-case letters.
    name: str
    #: Whether a customer may choose it.
    is_public: bool

    def begin(self, payment: Payment) -> ProviderState:
        """Authorize the amount of the payment, and capture it unless `is_captured_later`."""
        ...

    def capture(self, payment: Payment) -> ProviderState:
        """Capture all that is authorized."""
        ...

    def cancel(self, payment: Payment) -> ProviderState:
        """Release what is authorized, and end the payment; what is captured stays so."""
        ...

    def refund(self, payment: Payment, refund: Refund) -> ProviderState:
        """Refund this much. The state names this refund by its id, as FAILED where it is refused for good."""
        ...

    def fetch(self, payment: Payment) -> ProviderState | None:
        """Return the state; None where the provider knows no such payment. Finds it by our id, too: `reference` may be
        empty."""
        ...

    def verify_event(self, body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
        """Return what a webhook says whose signature over these bytes is the provider's, made within five minutes of
        `at`. Names of headers are in lower case.

        Raises: InvalidSignature; Invalid for a body that cannot be read."""
        ...
