"""Payments: money and goods agree. No more is captured than was authorized, and no more refunded than was captured; a
purchase is paid by one payment that is captured, and what the shop owes is about to be refunded."""

from collections.abc import Iterator, Mapping

from operations.backup.snapshot import Snapshot
from operations.store_audit.indexes import Indexes
from shop.domain.payments import MAX_REFUNDS_IN_ALL, Payment, PaymentStatus, RefundStatus
from shop.domain.purchases import Purchase, Status
from shop.domain.stock_invariant import Violation
from shop.repositories import records
from shop.repositories.keys import Keys

#: A captured payment pays its purchase, or is an orphan.
PAID, ORPHANED = "paid", "orphaned"
#: A payment has one of these where what was captured is settled.
_SETTLED = (PaymentStatus.CAPTURED, PaymentStatus.ORPHANED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED)
#: Where a purchase that was paid owes all that was captured.
_OWING = (Status.CANCELLED, Status.REFUNDED)


class PaymentAudit:
    """Goes through the payments, one by one, once all purchases are known."""

    def __init__(self, keys: Keys, indexes: Indexes) -> None:
        self._keys = keys
        self._indexes = indexes
        #: Of each purchase: its total, whether it was ever paid, its stage, and the payment that it names, if any.
        self._purchases: dict[str, tuple[int, bool, Status, str]] = {}
        #: Payments that purchases name and that have not been seen, by their purchases.
        self._named: dict[str, str] = {}
        self._seen: set[str] = set()
        #: Those whose provider has something left to do.
        self._open: set[str] = set()

    def add_purchase(self, purchase: Purchase, record: Mapping[str, str]) -> None:
        """Add a purchase, and its record."""
        was_paid = any(event.status is Status.PAID for event in purchase.history)
        payment = record.get("payment", "")
        self._purchases[purchase.id] = purchase.total.minor, was_paid, purchase.stage, payment
        if payment:
            self._named[purchase.id] = payment

    def check(self, id: str, record: Mapping[str, str]) -> Iterator[Violation]:
        """What is wrong with this payment.

        Raises:
            KeyError, ValueError: it cannot be read.
        """
        payment, settlement = records.PAYMENT.read(record), record.get("settlement", "")
        self._seen.add(id)
        self._indexes.expect(self._keys.purchase_payments(payment.purchase), id)
        if not payment.is_settled or payment.intent:
            self._open.add(id)
        if payment.id != id:
            yield _violation("payment-record", id, f"its field `id` is {payment.id}")
        for fault in (*_money(payment), *self._settlement(id, payment, settlement)):
            yield _violation("payment-law", id, fault)

    def violations(self, snapshot: Snapshot) -> Iterator[Violation]:
        """Yield what is wrong with purchases that name payments, and with the index of those that are open."""
        for purchase, payment in self._named.items():
            if payment not in self._seen:
                detail = f"it is paid by the payment {payment}, which is not there"
                yield Violation(code="payment-law", subject=f"purchase {purchase}", detail=detail)
            elif not self._purchases[purchase][1]:
                detail = f"it names the payment {payment}, and was never paid"
                yield Violation(code="payment-law", subject=f"purchase {purchase}", detail=detail)
        listed = next(snapshot.replies([("ZRANGE", self._keys.payments_open, 0, -1)])) or ()
        indexed = {id.decode() for id in listed}
        # A payment that is settled leaves the index with its next check.
        for id in sorted(self._open - indexed):
            yield _violation("payment-index", id, "it is open, and is not among those to check")
        for id in sorted(indexed - self._seen):
            yield _violation("payment-index", id, "it is among those to check, and is not there")

    def _settlement(self, id: str, payment: Payment, settlement: str) -> Iterator[str]:
        total, was_paid, stage, paying = self._purchases.get(payment.purchase, (None, False, None, ""))
        if total is None:
            yield f"there is no purchase {payment.purchase}"
            return
        if payment.amount.minor != total:
            yield f"it is of {payment.amount}, and its purchase of {total} minor units"
        if (paying == id) != (settlement == PAID):
            yield f"it is settled as {settlement or 'nothing'}, and its purchase is paid by {paying or 'none'}"
        if settlement == PAID and not was_paid:
            yield f"it has paid its purchase, which is {stage} and was never paid"
        if settlement == PAID and payment.captured.minor < payment.amount.minor:
            yield f"it has paid its purchase, and {payment.captured} of {payment.amount} is captured"
        if bool(settlement) != (payment.status in _SETTLED):
            yield f"it is {payment.status}, and settled as {settlement or 'nothing'}"
        if settlement == ORPHANED or (paying == id and stage in _OWING):
            yield from _owed(payment)


def _money(payment: Payment) -> Iterator[str]:
    """What is wrong with the amounts. A total that the provider reports may have a refund that is pending here: the sum
    of both says nothing."""
    amounts = payment.refunded, payment.captured, payment.authorized, payment.amount
    refunded, captured, authorized, amount = (money.minor for money in amounts)
    if not 0 <= captured <= authorized <= amount:
        yield f"{payment.captured} is captured, of {payment.authorized} that is authorized, of {payment.amount}"
    if not 0 <= refunded <= captured:
        yield f"{payment.refunded} is refunded, of {payment.captured} that is captured"
    made = sum(refund.amount.minor for refund in payment.refunds if refund.status is RefundStatus.SUCCEEDED)
    reserved = sum(refund.amount.minor for refund in payment.pending_refunds)
    if made + reserved > captured:
        yield f"its refunds come to {made + reserved} minor units, of {captured} that are captured"
    if made > refunded:
        yield f"its refunds have brought {made} minor units, and {refunded} are refunded"
    if any(refund.amount.minor <= 0 for refund in payment.refunds):
        yield "a refund of it is of nothing"


def _owed(payment: Payment) -> Iterator[str]:
    """What the buyer is to have back is refunded, or about to be, until that was tried too often."""
    is_owed = payment.captured.minor > payment.refunded.minor
    if is_owed and not payment.pending_refunds and len(payment.refunds) < MAX_REFUNDS_IN_ALL:
        yield f"{payment.refunded} of {payment.captured} went back, and no refund of the rest is asked for"


def _violation(code: str, id: str, detail: str) -> Violation:
    return Violation(code=code, subject=f"payment {id}", detail=detail)
