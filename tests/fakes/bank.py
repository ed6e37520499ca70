"""A payment provider that remembers: what it was asked, under which key, and what has become of the money.

As some real ones, it refunds whatever it is asked for, more than was captured too: to ask for no more is what the shop
does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock

from shop.domain.errors import InvalidSignature, ProviderUnavailable
from shop.domain.payments import (
    Payment,
    PaymentProvider,
    PaymentStatus,
    ProviderEvent,
    ProviderState,
    Refund,
    RefundStatus,
)


class Crash(Exception):
    """The process of the shop dies here."""


@dataclass
class Account:
    """What the provider knows of one payment."""

    amount: int
    captured: int = 0
    is_cancelled: bool = False
    refunds: dict[str, int] = field(default_factory=dict)


class Bank(PaymentProvider):
    """`before` and `after` are called with the name of each call, before and after it takes effect."""

    name = "bank"
    is_public = True

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.before: Callable[[str], None] = lambda _: None
        self.after: Callable[[str], None] = lambda _: None
        #: How often money was moved, by what moved it.
        self.moves: list[str] = []
        self._lock = RLock()

    def begin(self, payment: Payment) -> ProviderState:
        return self._called("begin", payment, lambda: self._begun(payment))

    def capture(self, payment: Payment) -> ProviderState:
        return self._called("capture", payment, lambda: self._captured(self.accounts[payment.id]))

    def cancel(self, payment: Payment) -> ProviderState:
        return self._called("cancel", payment, lambda: self._cancelled(payment))

    def refund(self, payment: Payment, refund: Refund) -> ProviderState:
        return self._called("refund", payment, lambda: self._refunded(self.accounts[payment.id], refund))

    def fetch(self, payment: Payment) -> ProviderState | None:
        self.before("fetch")
        with self._lock:
            account = self.accounts.get(payment.id)
            return self._state(account, payment.id) if account else None

    def verify_event(self, body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
        """Take the body as the id of an event, a space, and that of the payment."""
        event, _, payment = body.decode().partition(" ")
        if payment not in self.accounts:
            raise InvalidSignature("The bank sends none about others.")
        with self._lock:
            return ProviderEvent(id=event, payment=payment, state=self._state(self.accounts[payment], payment))

    def _called(self, call: str, payment: Payment, effect: Callable[[], None]) -> ProviderState:
        self.before(call)
        with self._lock:
            effect()
            state = self._state(self.accounts[payment.id], payment.id)
        self.after(call)
        return state

    def _begun(self, payment: Payment) -> None:
        if payment.id in self.accounts:
            return
        account = self.accounts[payment.id] = Account(payment.amount.minor)
        self.moves.append("authorize")
        if not payment.is_captured_later:
            self._captured(account)

    def _captured(self, account: Account) -> None:
        if not account.captured and not account.is_cancelled:
            account.captured = account.amount
            self.moves.append("capture")

    def _cancelled(self, payment: Payment) -> None:
        account = self.accounts.setdefault(payment.id, Account(payment.amount.minor))
        account.is_cancelled = not account.captured

    def _refunded(self, account: Account, refund: Refund) -> None:
        if refund.id not in account.refunds:
            account.refunds[refund.id] = refund.amount.minor
            self.moves.append("refund")

    def _state(self, account: Account, payment: str) -> ProviderState:
        status = PaymentStatus.CAPTURED if account.captured else PaymentStatus.AUTHORIZED
        return ProviderState(
            status=PaymentStatus.CANCELLED if account.is_cancelled else status,
            reference=f"bank_{payment}",
            authorized=0 if account.is_cancelled else account.amount,
            captured=account.captured,
            refunded=sum(account.refunds.values()),
            refunds=dict.fromkeys(account.refunds, RefundStatus.SUCCEEDED),
        )


def crash_at(call: str) -> Callable[[str], None]:
    """The process dies at the first call of this name."""
    left = [call]

    def crash(called: str) -> None:
        if called in left:
            left.remove(called)
            raise Crash(called)

    return crash


def silent_at(call: str) -> Callable[[str], None]:
    """The first call of this name has no answer."""
    left = [call]

    def fail(called: str) -> None:
        if called in left:
            left.remove(called)
            raise ProviderUnavailable(called)

    return fail
