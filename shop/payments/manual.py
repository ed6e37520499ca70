"""Payments that staff take and give back by themselves, in cash or by transfer: what staff say has happened."""

from collections.abc import Mapping
from datetime import datetime

from shop.domain.errors import InvalidSignature
from shop.domain.payments import (
    MANUAL,
    Payment,
    PaymentProvider,
    PaymentStatus,
    ProviderEvent,
    ProviderState,
    Refund,
    RefundStatus,
)


class ManualProvider(PaymentProvider):
    """Agrees to everything: the record of the payment is all that there is."""

    name = MANUAL
    is_public = False

    def begin(self, payment: Payment) -> ProviderState:
        return self.fetch(payment)

    def capture(self, payment: Payment) -> ProviderState:
        return self.fetch(payment)

    def cancel(self, payment: Payment) -> ProviderState:
        return self.fetch(payment)

    def refund(self, payment: Payment, refund: Refund) -> ProviderState:
        done = {each.id: each for each in payment.refunds if each.status is RefundStatus.SUCCEEDED}
        done[refund.id] = refund
        return _captured(payment, done)

    def fetch(self, payment: Payment) -> ProviderState:
        done = {each.id: each for each in payment.refunds if each.status is RefundStatus.SUCCEEDED}
        return _captured(payment, done)

    def verify_event(self, body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
        raise InvalidSignature("Staff send no webhooks.")


def _captured(payment: Payment, refunds: Mapping[str, Refund]) -> ProviderState:
    return ProviderState(
        status=PaymentStatus.CAPTURED,
        reference=payment.reference or payment.id,
        authorized=payment.amount.minor,
        captured=payment.amount.minor,
        refunded=sum(refund.amount.minor for refund in refunds.values()),
        refunds=dict.fromkeys(refunds, RefundStatus.SUCCEEDED),
    )
