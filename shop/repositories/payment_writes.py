"""The writes of payments, as the store has them."""

from exactly_once import Reply, WriteDeclaration, fails, refuses, returns
from shop.domain.errors import InvalidTransition, NotFound, RefundExceedsCaptured, TooManyPayments, TooManyRefunds
from shop.domain.money import Money
from shop.domain.payment_repository import ReservedRefund
from shop.domain.payments import MAX_REFUNDS, Intent, Payment, PaymentStatus, restocks_part
from shop.domain.purchases import TRANSITIONS, Status
from shop.repositories import records
from shop.repositories.purchase_transitions import (
    GIVE_BACK_ARGS,
    RESTOCK_ARGS,
    RESTOCK_KEYS,
    TRANSITION_ARGS,
    TRANSITION_KEYS,
)
from shop.repositories.unpaid_purchases import purchase_of

#: What scripts take of who calls, and what keys begin with.
ACCESS = ("caller", "token", "is_any")
PREFIXES = ("payment_prefix", "purchase_prefix", "user_prefix")


def _payment(reply: Reply) -> Payment:
    return records.PAYMENT.read_flat(reply.values)


def _reserved(reply: Reply) -> ReservedRefund:
    id, *flat = reply.values
    payment = records.PAYMENT.read_flat(flat)
    return ReservedRefund(payment=payment, refund=payment.refund(id))


def _not_payable(reply: Reply) -> InvalidTransition:
    source = Status(reply.values[0])
    return InvalidTransition(source, Status.PAID, TRANSITIONS[source])


def _not_refundable(reply: Reply) -> InvalidTransition:
    source = Status(reply.values[0])
    return InvalidTransition(source, Status.REFUNDED, TRANSITIONS[source])


def _wrong_intent(reply: Reply) -> InvalidTransition:
    status, intent = PaymentStatus(reply.values[0]), reply.args["intent"]
    target = PaymentStatus.CAPTURED if intent == Intent.CAPTURE else PaymentStatus.CANCELLED
    return InvalidTransition(status, target, status.successors, kind="payment")


def _exceeds(reply: Reply) -> RefundExceedsCaptured:
    minor, currency = reply.values
    return RefundExceedsCaptured(str(Money(minor=int(minor), currency=currency)), currency)


BEGIN = WriteDeclaration(
    script="payment_begin",
    kind="payment",
    keys=("purchase", "payments", "payments_open"),
    args=("id", "purchase_id", "fields", "check_at", "max_payments", *ACCESS, *PREFIXES),
    replies={
        "BEGUN": returns(_payment),
        "INVALID_TRANSITION": refuses(_not_payable),
        "TOO_MANY_PAYMENTS": refuses(lambda reply: TooManyPayments(int(reply.args["max_payments"]))),
        "NOT_FOUND": fails(lambda reply: NotFound("purchase", str(reply.args["purchase_id"]))),
    },
    subject="buyer",
)
APPLY = WriteDeclaration(
    script="payment_apply",
    kind="payment",
    keys=("provider_event", "payments_open", "payments_unrefunded", *TRANSITION_KEYS, *RESTOCK_KEYS),
    args=(
        "id",
        "purchase_id",
        "report",
        "event_ttl_s",
        "ends_intent",
        "refund_id",
        "check_at",
        "at",
        "payment_prefix",
        "holds_prefix",
        *RESTOCK_ARGS,
        *TRANSITION_ARGS,
        *GIVE_BACK_ARGS,
    ),
    replies={
        "APPLIED": returns(_payment),
        "NOT_FOUND": fails(lambda reply: NotFound("payment", reply.about)),
    },
    subject="buyer",
)
INTEND = WriteDeclaration(
    script="payment_intend",
    kind="payment",
    keys=("purchase", "payments_open"),
    args=("id", "intent", "at", *PREFIXES),
    replies={
        "INTENDED": returns(_payment),
        "INVALID_TRANSITION": refuses(_wrong_intent),
        "NOT_FOUND": fails(lambda reply: NotFound("payment", reply.about)),
    },
    subject="buyer",
)
POSTPONE = WriteDeclaration(
    script="payment_postpone",
    kind="payment",
    keys=("payments_open",),
    args=("id", "check_at"),
    replies={"POSTPONED": returns(lambda reply: None)},
)
RESERVE = WriteDeclaration(
    script="refund_reserve",
    kind="purchase",
    keys=("purchase", "payments_open"),
    args=(
        "id",
        "purchase_id",
        "amount",
        "restock",
        "reason",
        "by",
        "at",
        "max_refunds",
        "manual_id",
        "manual_fields",
        *PREFIXES,
    ),
    replies={
        "RESERVED": returns(_reserved),
        "INVALID_TRANSITION": refuses(_not_refundable),
        "EXCEEDS_CAPTURED": refuses(_exceeds),
        "RESTOCKS_PART": fails(lambda reply: restocks_part()),
        "TOO_MANY_REFUNDS": refuses(lambda reply: TooManyRefunds(MAX_REFUNDS)),
        "NOT_FOUND": fails(lambda reply: NotFound("purchase", reply.about)),
    },
    subject="buyer",
)
PAY = WriteDeclaration(
    script="purchase_pay",
    kind="purchase",
    keys=("purchase", "payments_open", *TRANSITION_KEYS),
    args=("id", "payment_id", "payment_fields", "by", "at", "payment_prefix", *TRANSITION_ARGS),
    replies={
        "MOVED": returns(purchase_of),
        "INVALID_TRANSITION": refuses(_not_payable),
        "NOT_FOUND": fails(lambda reply: NotFound("purchase", reply.about)),
    },
    subject="buyer",
)
