"""Money and goods agree: what the checker finds about payments, refunds and returns."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from chaos.anomalies import Anomaly, Violation
from chaos.contents import Contents, PaymentContents, PurchaseContents
from chaos.history import Call, CallKind
from shop.domain.money import Money
from shop.domain.purchases import Status
from shop.domain.returns import ReturnStatus

#: Refusals that are true where others came first: the buyer, staff, a webhook, or another refund.
MAY_BE_REFUSED = {
    (CallKind.CANCELLATION, "invalid-transition"),
    (CallKind.PAYMENT, "invalid-transition"),
    (CallKind.CAPTURE, "invalid-transition"),
    (CallKind.PAYMENT_CANCELLATION, "invalid-transition"),
    (CallKind.REFUND, "invalid-transition"),
    (CallKind.REFUND, "refund-exceeds-captured"),
    (CallKind.SHIPMENT, "invalid-transition"),
    (CallKind.RETURN, "units-exceeded"),
    (CallKind.RETURN_APPROVAL, "invalid-transition"),
    (CallKind.RETURN_RECEIPT, "invalid-transition"),
}
#: A purchase that was one of these has the money, unless it has come to another end since.
_PAID = {Status.PAID, Status.PARTIALLY_SHIPPED, Status.SHIPPED, Status.DELIVERED, Status.PARTIALLY_REFUNDED}
#: After one of these a purchase is not cancelled.
_PAST_CANCELLATION = {*Status} - {Status.PLACED, Status.PAID, Status.PARTIALLY_REFUNDED}
_RETURN_ORDER = [
    ReturnStatus.REQUESTED,
    ReturnStatus.APPROVED,
    ReturnStatus.RECEIVED,
    ReturnStatus.REFUNDED,
]
_RETURN_STEPS = {
    CallKind.RETURN: ReturnStatus.REQUESTED,
    CallKind.RETURN_APPROVAL: ReturnStatus.APPROVED,
    CallKind.RETURN_RECEIPT: ReturnStatus.RECEIVED,
}


def unsettled(contents: Contents) -> Iterator[Violation]:
    """Yield each payment of which more was refunded than captured, or captured than there is to pay; each purchase that
    is paid and not sold, and each that is sold and not paid."""
    if contents.payments is None:
        return
    of_purchase: dict[str, list[PaymentContents]] = defaultdict(list)
    for id, payment in contents.payments.items():
        yield from _excess(id, payment)
        of_purchase[payment.purchase].append(payment)
    for id, payments in of_purchase.items():
        yield from _paid_not_sold(id, contents.purchases.get(id), payments)
    for id, purchase in contents.purchases.items():
        captured = sum(payment.captured for payment in of_purchase[id])
        if Status.PAID in purchase.history and captured < purchase.total:
            detail = f"purchase {id} is {purchase.status}: {captured} of {purchase.total} captured"
            yield Violation(anomaly=Anomaly.SOLD_NOT_PAID, detail=detail)


def _excess(id: str, payment: PaymentContents) -> Iterator[Violation]:
    succeeded = sum(refund.amount for refund in payment.refunds if refund.status == "succeeded")
    returned = max(payment.refunded, succeeded) + payment.reserved
    if not returned <= payment.captured <= payment.authorized <= payment.amount:
        totals = f"{payment.amount}: {payment.authorized} authorized, {payment.captured} captured"
        detail = f"payment {id} of {totals}, {payment.refunded} refunded, {payment.reserved} reserved"
        yield Violation(anomaly=Anomaly.OVER_REFUNDED, detail=detail)


def _paid_not_sold(
    id: str, purchase: PurchaseContents | None, payments: Iterable[PaymentContents]
) -> Iterator[Violation]:
    """What the shop has of a purchase, and owes to nobody, is the price of goods that it sold."""
    left = sum(payment.left for payment in payments)
    due = purchase.total if purchase and purchase.status in _PAID and _stage(purchase) in _PAID else 0
    if left > due:
        status = purchase.status if purchase else "not there"
        detail = f"purchase {id} is {status}, has {left} captured, and may have {due}"
        yield Violation(anomaly=Anomaly.PAID_NOT_SOLD, detail=detail)


def _stage(purchase: PurchaseContents) -> str:
    """The status that a partial refund leaves as it is."""
    return next((each for each in reversed(purchase.history) if each != Status.PARTIALLY_REFUNDED), purchase.status)


def untrue_refusals(writes: Iterable[Call], contents: Contents) -> Iterator[Violation]:
    """Yield each refusal of a purchase, a payment or a refund that nothing which was done explains."""
    for call in writes:
        purchase = contents.purchases.get(call.subject)
        if call.is_refusal and purchase and not _is_explained(call, purchase, contents):
            detail = f"{call.code} of {call.path} at {call.due:.2f} s: the purchase was {', '.join(purchase.history)}"
            yield Violation(anomaly=Anomaly.BAD_ANSWER, detail=detail, due=call.due)


def _is_explained(call: Call, purchase: PurchaseContents, contents: Contents) -> bool:
    if (call.kind, call.code) == (CallKind.CANCELLATION, "invalid-transition"):
        return not _PAST_CANCELLATION.isdisjoint(purchase.history)
    if (call.kind, call.code) == (CallKind.PAYMENT, "invalid-transition"):
        return len(purchase.history) > 1
    if (call.kind, call.code) == (CallKind.REFUND, "refund-exceeds-captured") and contents.payments is not None:
        payments = [each for each in contents.payments.values() if each.purchase == call.subject]
        return _wanted(call, payments) > sum(payment.left for payment in payments)
    return True


def _wanted(call: Call, payments: Sequence[PaymentContents]) -> int:
    """What a refund was to bring; without an amount all that is left, and more than nothing."""
    amount = (call.body or {}).get("amount")
    return Money.parse(amount, "EUR").minor if amount else 1


def missing_effect(call: Call, contents: Contents) -> str:
    """What the contents lack of a successful call about a payment, a refund, a shipment or a return; empty where they
    have it all."""
    if call.kind is CallKind.SHIPMENT:
        purchase = contents.purchases.get(call.subject)
        return "" if purchase and Status.SHIPPED in purchase.history else "shipment"
    if call.kind in _RETURN_STEPS and contents.returns is not None:
        found = contents.returns.get(call.content["id"])
        is_there = found and _RETURN_ORDER.index(ReturnStatus(found.status)) >= _RETURN_ORDER.index(
            _RETURN_STEPS[call.kind]
        )
        return "" if is_there else "return"
    return _missing_money(call, contents.payments) if contents.payments is not None else ""


def _missing_money(call: Call, payments: Mapping[str, PaymentContents]) -> str:
    if call.kind is CallKind.WEBHOOK and call.body:
        payment, body = payments.get(call.body["payment"]), call.body
        is_there = payment and payment.captured >= body["captured"] and payment.refunded >= body["refunded"]
        return "" if is_there else "totals of a webhook"
    if call.kind is CallKind.PAYMENT:
        payment, answer = payments.get(call.content["id"]), call.content
        captured = Money.parse(answer["captured"], answer["currency"]).minor
        return "" if payment and payment.captured >= captured else "payment"
    if call.kind is CallKind.REFUND:
        refunds = {each.id: each.status for payment in payments.values() for each in payment.refunds}
        status = refunds.get(call.content["id"])
        return "" if status and (status == call.content["status"] or status == "succeeded") else "refund"
    return ""
