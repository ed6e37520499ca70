"""Objects of Stripe's API as states of payments: pure functions over plain dictionaries.

Totals of Stripe are cumulative already: `amount_received`, `amount_captured` and `amount_refunded` count everything
since the payment began, so a state can be applied twice, late and in any order.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shop.domain.errors import FieldError, Invalid
from shop.domain.money import STORED_CURRENCIES, Money
from shop.domain.payments import PaymentStatus, ProviderEvent, ProviderState, RefundStatus

Json = Mapping[str, Any]

#: Metadata of an intent and of a refund: our ids, and that the shop itself confirms the payment.
PAYMENT, REFUND, CONFIRMED_BY_SHOP = "payment", "refund", "confirmed_by_shop"
#: Digits of the minor unit where Stripe's differ from those of ISO 4217.
#: Source: https://docs.stripe.com/currencies#zero-decimal and #special-cases.
STRIPE_DIGITS: Mapping[str, int] = {"MGA": 0, "ISK": 2, "UGX": 2}
MAX_CODE_CHARS = 100

_STATUSES: Mapping[str, PaymentStatus] = {
    "requires_confirmation": PaymentStatus.PROCESSING,
    "requires_action": PaymentStatus.REQUIRES_ACTION,
    "processing": PaymentStatus.PROCESSING,
    "requires_capture": PaymentStatus.AUTHORIZED,
    "succeeded": PaymentStatus.CAPTURED,
}
_REFUND_STATUSES: Mapping[str, RefundStatus] = {
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}
_PAYABLE = (PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION)


def stripe_amount(amount: Money) -> int:
    """The amount in Stripe's minor units.

    Raises:
        Invalid: Stripe's minor unit is larger than ours, and this is no multiple of it."""
    missing = STRIPE_DIGITS.get(amount.currency, digits := STORED_CURRENCIES[amount.currency]) - digits
    if missing >= 0:
        return amount.minor * int(10**missing)
    whole, rest = divmod(amount.minor, int(10**-missing))
    if rest:
        detail = f"Stripe takes whole units of {amount.currency} only."
        raise Invalid(FieldError("/amount", "amount-not-representable", detail))
    return whole


def own_minor(amount: int, currency: str) -> int:
    """Minor units of ISO 4217 for an amount of Stripe; rounded down, which no amount that came from us needs."""
    digits = STORED_CURRENCIES.get(currency.upper(), 2)
    surplus = STRIPE_DIGITS.get(currency.upper(), digits) - digits
    return amount // int(10**surplus) if surplus >= 0 else amount * int(10**-surplus)


def payment_state(intent: Json, refunds: Sequence[Json] | None = None) -> ProviderState:
    """The state of a PaymentIntent. `refunds` are all of its refunds, None where they were not asked for."""
    status, currency = _status(intent), str(intent["currency"])
    is_payable = status in _PAYABLE and not is_over(intent)
    charge = intent.get("latest_charge")
    charge = charge if isinstance(charge, Mapping) else {}
    return ProviderState(
        status=status,
        reference=str(intent["id"]),
        authorized=own_minor(_authorized(intent, status), currency),
        captured=own_minor(_received(intent, charge), currency),
        refunded=own_minor(_refunded(charge, refunds), currency),
        refunds=None if refunds is None else _own_refunds(refunds),
        is_incomplete=is_over(intent) or any(each.get("status") not in _REFUND_STATUSES for each in refunds or ()),
        client_secret=str(intent.get("client_secret") or "") if is_payable else "",
        redirect_url=_redirect_url(intent),
        failure=failure_of(intent),
    )


def charge_state(charge: Json) -> ProviderState | None:
    """The state of a captured charge; None of another. Its total of refunds has those that may fail still: the list of
    them, which is asked for, tells."""
    if not charge.get("captured") or not charge.get("payment_intent"):
        return None
    currency = str(charge["currency"])
    return ProviderState(
        status=PaymentStatus.CAPTURED,
        reference=str(charge["payment_intent"]),
        authorized=own_minor(int(charge["amount"]), currency),
        captured=own_minor(_captured(charge), currency),
        is_incomplete=bool(charge.get("amount_refunded")),
    )


def refund_state(refund: Json) -> ProviderState | None:
    """The state of one refund of ours; None of one that was not made by the shop."""
    if not own_id(refund, REFUND) or not refund.get("payment_intent"):
        return None
    # It says nothing of the payment itself: the status is the one that comes before all others.
    reference = str(refund["payment_intent"])
    return ProviderState(status=PaymentStatus.PROCESSING, reference=reference, refunds=_own_refunds([refund]))


def event_state(event: Json) -> ProviderEvent:
    """What an event says; it is about no payment of ours where its object does not name one."""
    subject = event["data"]["object"]
    reader = _READERS.get(str(subject.get("object")))
    payment = own_id(subject, PAYMENT)
    state = reader(subject) if reader and payment else None
    return ProviderEvent(id=str(event["id"])[:255], payment=payment if state else "", state=state)


def _intent_state(intent: Json) -> ProviderState | None:
    """The state of an intent in an event; None of one that is to be confirmed, with which `begin` goes on."""
    return None if intent["status"] == "requires_confirmation" else payment_state(intent)


_READERS: Mapping[str, Callable[[Json], ProviderState | None]] = {
    "payment_intent": _intent_state,
    "charge": charge_state,
    "refund": refund_state,
}


def own_id(subject: Json, name: str) -> str:
    """The id of ours that an object has in its metadata; empty where it has none."""
    return str((subject.get("metadata") or {}).get(name) or "")


def failure_code(error: Json, default: str = "declined") -> str:
    """The code of a decline or of another error, as the shop writes codes; empty without an error."""
    code = str(error.get("decline_code") or error.get("code") or (default if error else ""))
    return re.sub(r"[^a-z0-9]+", "-", code.lower())[:MAX_CODE_CHARS]


def is_over(intent: Json) -> bool:
    """Whether the shop has confirmed it and the payment was declined, so that it is to be cancelled. One that the
    customer confirms in the browser is not over: there another card can be tried."""
    has_failed = intent["status"] == "requires_payment_method" and bool(intent.get("last_payment_error"))
    return has_failed and bool(own_id(intent, CONFIRMED_BY_SHOP))


def failure_of(intent: Json) -> str:
    return failure_code(intent.get("last_payment_error") or {})


def _status(intent: Json) -> PaymentStatus:
    """A declined payment has failed once its intent is cancelled: until then another card can be tried with it."""
    status = str(intent["status"])
    if status == "canceled":
        return PaymentStatus.FAILED if intent.get("last_payment_error") else PaymentStatus.CANCELLED
    if status == "requires_payment_method":
        return PaymentStatus.REQUIRES_ACTION
    return _STATUSES.get(status, PaymentStatus.PROCESSING)


def _authorized(intent: Json, status: PaymentStatus) -> int:
    if status is PaymentStatus.AUTHORIZED:
        return int(intent.get("amount_capturable") or intent["amount"])
    return int(intent["amount"]) if status is PaymentStatus.CAPTURED else 0


def _received(intent: Json, charge: Json) -> int:
    if intent.get("amount_received") is not None:
        return int(intent["amount_received"])
    return _captured(charge) if intent["status"] == "succeeded" and charge else 0


def _captured(charge: Json) -> int:
    """What was captured of a charge: all of it, where its version of the API knows no parts."""
    amount = charge.get("amount_captured")
    return int(charge["amount"] if amount is None else amount)


def _refunded(charge: Json, refunds: Sequence[Json] | None) -> int:
    """What went back; nothing where the refunds were not asked for. What was never captured is counted as refunded by
    Stripe, and a refund that may fail still is in the total of the charge: the smaller of two counts has neither."""
    if not charge or refunds is None:
        return 0
    of_charge = max(0, int(charge.get("amount_refunded") or 0) - int(charge["amount"]) + _captured(charge))
    return min(of_charge, sum(int(each["amount"]) for each in refunds if each.get("status") == "succeeded"))


def _own_refunds(refunds: Sequence[Json]) -> Mapping[str, RefundStatus]:
    """The status of each refund that has an id of ours."""
    named = {own_id(each, REFUND): str(each.get("status")) for each in refunds if own_id(each, REFUND)}
    return {id: _REFUND_STATUSES.get(status, RefundStatus.PENDING) for id, status in named.items()}


def _redirect_url(intent: Json) -> str:
    return str(((intent.get("next_action") or {}).get("redirect_to_url") or {}).get("url") or "")
