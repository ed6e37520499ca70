"""A payment provider that moves no money, for trying the shop and for tests. What becomes of a payment is decided by
its method, a token; everything else follows from the record of the payment and the clock, so that every process has the
same provider without a store of its own.

    tok_ok        is captured at once
    tok_decline   is declined
    tok_3ds       requires an action of the customer, who does it after AUTHENTICATION_S
    tok_timeout   is captured, and the answer is lost
    tok_late      is captured after LATENESS_S, and cannot be cancelled until then
    tok_twice     as tok_ok; its webhooks come twice and in the wrong order
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from shop.domain.errors import FieldError, Invalid, InvalidSignature, ProviderUnavailable
from shop.domain.payments import (
    Intent,
    Payment,
    PaymentProvider,
    PaymentStatus,
    ProviderEvent,
    ProviderState,
    Refund,
    RefundStatus,
)
from shop.domain.surroundings import Clock

#: Seconds until the customer has done what tok_3ds requires, and until tok_late is captured.
AUTHENTICATION_S, LATENESS_S = 5, 60
#: Seconds by which the time of a signature may differ from the present.
MAX_SIGNATURE_AGE_S = 300
#: The header of a signature: `t=<seconds since 1970>,v1=<HMAC-SHA256 of "<t>." and the body, in hexadecimal>`.
SIGNATURE_HEADER = "fake-signature"


class Token(StrEnum):
    """What may be charged."""

    OK = "tok_ok"
    DECLINE = "tok_decline"
    THREE_D_SECURE = "tok_3ds"
    TIMEOUT = "tok_timeout"
    LATE = "tok_late"
    TWICE = "tok_twice"


class FakeProvider(PaymentProvider):
    """Derives the state of a payment. `secret` signs its webhooks."""

    name = "fake"
    is_public = True

    def __init__(self, clock: Clock, secret: bytes) -> None:
        self._clock = clock
        self._secret = secret

    def begin(self, payment: Payment) -> ProviderState:
        if payment.method == Token.TIMEOUT:
            raise ProviderUnavailable("The fake provider has lost its answer.")
        return self.fetch(payment)

    def capture(self, payment: Payment) -> ProviderState:
        return self.fetch(replace(payment, intent=Intent.CAPTURE))

    def cancel(self, payment: Payment) -> ProviderState:
        return self.fetch(replace(payment, intent=Intent.CANCEL))

    def refund(self, payment: Payment, refund: Refund) -> ProviderState:
        others = [each for each in payment.refunds if each.id != refund.id]
        return self.fetch(replace(payment, refunds=[*others, replace(refund, status=RefundStatus.SUCCEEDED)]))

    def fetch(self, payment: Payment) -> ProviderState:
        return _with_refunds(payment, _state(payment, self._clock.now()))

    def verify_event(self, body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
        seconds, _, signature = headers.get(SIGNATURE_HEADER, "").partition(",v1=")
        signed_at = seconds.removeprefix("t=")
        if not (signed_at.isascii() and signed_at.isdigit() and len(signed_at) <= 12):
            raise InvalidSignature(f"Send {SIGNATURE_HEADER}: t=...,v1=....")
        if not hmac.compare_digest(self._signature(signed_at, body), signature.encode()):
            raise InvalidSignature("The signature is not over these bytes.")
        if abs(at.timestamp() - int(signed_at)) > MAX_SIGNATURE_AGE_S:
            raise InvalidSignature("The signature is older than five minutes.")
        return _event(body)

    def webhooks(self, payment: Payment) -> Iterator[tuple[bytes, Mapping[str, str]]]:
        """Yield the bodies and headers of the webhooks that tell of the present state, as this token's come."""
        now = self._clock.now()
        begun = ProviderState(status=PaymentStatus.PROCESSING, reference=_reference(payment))
        present = self.fetch(payment)
        states = (present, begun, present) if payment.method == Token.TWICE else (present,)
        for state in states:
            yield self.signed(webhook_body(payment.id, state), now)

    def signed(self, body: bytes, at: datetime) -> tuple[bytes, Mapping[str, str]]:
        """The body of a webhook, and its headers."""
        signed_at = str(int(at.timestamp()))
        return body, {SIGNATURE_HEADER: f"t={signed_at},v1={self._signature(signed_at, body).decode()}"}

    def _signature(self, signed_at: str, body: bytes) -> bytes:
        return hmac.new(self._secret, f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest().encode()


def webhook_body(payment: str, state: ProviderState, event: str = "") -> bytes:
    """The body of a webhook that reports this state; its event's id follows from them, unless it is given."""
    document: dict[str, Any] = {
        "payment": payment,
        "status": state.status,
        "reference": state.reference,
        "authorized": state.authorized,
        "captured": state.captured,
        "refunded": state.refunded,
        "refunds": state.refunds or {},
        "failure": state.failure,
    }
    id = event or f"evt_{hashlib.sha256(orjson.dumps(document)).hexdigest()[:32]}"
    return orjson.dumps({"id": id, **document})


def _state(payment: Payment, now: datetime) -> ProviderState:
    """The state but for its refunds."""
    reference, amount = _reference(payment), payment.amount.minor
    if payment.captured.minor:
        return _paid(payment, reference, amount)
    if payment.method not in list(Token) or payment.method == Token.DECLINE:
        failure = "card-declined" if payment.method == Token.DECLINE else "unknown-token"
        return ProviderState(status=PaymentStatus.FAILED, reference=reference, failure=failure)
    return _waiting(payment, now) or _paid(payment, reference, amount)


def _waiting(payment: Payment, now: datetime) -> ProviderState | None:
    """The state of a payment that is not complete yet; None where it is."""
    reference, age = _reference(payment), now - payment.created_at
    if payment.method == Token.LATE and age < timedelta(seconds=LATENESS_S):
        return ProviderState(status=PaymentStatus.PROCESSING, reference=reference)
    if payment.intent is Intent.CANCEL or payment.status is PaymentStatus.CANCELLED:
        return ProviderState(status=PaymentStatus.CANCELLED, reference=reference)
    if payment.method == Token.THREE_D_SECURE and age < timedelta(seconds=AUTHENTICATION_S):
        secret, url = f"{reference}_secret", payment.return_url
        return ProviderState(
            status=PaymentStatus.REQUIRES_ACTION, reference=reference, client_secret=secret, redirect_url=url
        )
    return None


def _paid(payment: Payment, reference: str, amount: int) -> ProviderState:
    if payment.is_captured_later and not payment.captured.minor and payment.intent is not Intent.CAPTURE:
        return ProviderState(status=PaymentStatus.AUTHORIZED, reference=reference, authorized=amount)
    return ProviderState(status=PaymentStatus.CAPTURED, reference=reference, authorized=amount, captured=amount)


def _with_refunds(payment: Payment, state: ProviderState) -> ProviderState:
    done = [refund for refund in payment.refunds if refund.status is RefundStatus.SUCCEEDED]
    refunds = {refund.id: RefundStatus.SUCCEEDED for refund in done}
    return replace(state, refunded=sum(refund.amount.minor for refund in done), refunds=refunds)


def _reference(payment: Payment) -> str:
    return f"fake_{payment.id}"


def _event(body: bytes) -> ProviderEvent:
    """Raises: Invalid."""
    try:
        document = orjson.loads(body)
        state = ProviderState(
            status=PaymentStatus(document["status"]),
            reference=str(document["reference"]),
            authorized=int(document["authorized"]),
            captured=int(document["captured"]),
            refunded=int(document["refunded"]),
            refunds={str(id): RefundStatus(status) for id, status in document["refunds"].items()},
            failure=str(document["failure"]),
        )
        return ProviderEvent(id=str(document["id"])[:255], payment=str(document["payment"]), state=state)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(FieldError("", "malformed-event", "Send an event as the fake provider makes it.")) from error
