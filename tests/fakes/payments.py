"""Payments in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.callers import Caller
from shop.domain.carts import CartCaller
from shop.domain.errors import InvalidTransition, NotFound, RefundExceedsCaptured, TooManyPayments, TooManyRefunds
from shop.domain.events import EventType
from shop.domain.money import Money
from shop.domain.movements import MovementKind
from shop.domain.payment_repository import PaymentRepository, RefundOrder, ReservedRefund, StateReport
from shop.domain.payments import (
    MAX_REFUNDS,
    MAX_REFUNDS_IN_ALL,
    REFUSED_OFTEN,
    Intent,
    Payment,
    PaymentStatus,
    ProviderState,
    Refund,
    RefundStatus,
    last_refund_id,
    manual_payment,
    max_payments,
    restocks_part,
)
from shop.domain.purchases import SYSTEM, TRANSITIONS, Purchase, Status
from tests.fakes.products import moved
from tests.fakes.store import FakeStore
from tests.fakes.transitions import restock, transition
from tests.fakes.vouchers import redeem_again

ORDER = list(PaymentStatus)
REFUNDABLE = (Status.PAID, Status.PARTIALLY_SHIPPED, Status.SHIPPED, Status.DELIVERED)


class FakePayments(PaymentRepository):
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def begin(self, request: WriteRequest, payment: Payment, caller: CartCaller | None) -> WriteResult[Payment]:
        def effect() -> Payment:
            purchase = self._purchase(payment.purchase, caller)
            if purchase.status is not Status.PLACED:
                raise InvalidTransition(purchase.status, Status.PAID, TRANSITIONS[purchase.status])
            former = self._of(purchase.id)
            for each in former:
                if each.is_open:
                    return each
            if len(former) >= max_payments(caller):
                raise TooManyPayments(max_payments(caller))
            self._store.due[payment.id] = payment.next_check(payment.created_at)
            data = {"provider": payment.provider, "amount": str(purchase.total.minor)}
            self._store.note(f"payment:{payment.id}")
            self._emit(EventType.PAYMENT_BEGUN, payment, {**data, "currency": purchase.total.currency})
            return self._put(_priced(payment, purchase.total))

        return self._store.once(request, effect, self._subject)

    def apply(self, request: WriteRequest, payment: Payment, report: StateReport) -> WriteResult[Payment]:
        return self._store.once(request, lambda: self._applied(payment.id, report), self._subject)

    def _applied(self, id: str, report: StateReport) -> Payment:
        before = self._found(id)
        event = (before.provider, report.event)
        if report.event and event in self._store.provider_events:
            return before
        self._store.provider_events.add(event)
        after, settled = _merged(before, report.state, self._store.reversed_refunds.setdefault(id, {}))
        after = self._settled(after, report)
        after = replace(after, status=self._refund_status(after))
        self._settle_refunds(before, after, settled, report.at)
        tries, is_possible = _count_failed(after), len(after.refunds) < MAX_REFUNDS_IN_ALL
        is_retried = self._owes(after) and not after.pending_refunds and is_possible
        if is_retried:
            owed = after.captured.minor - after.refunded.minor
            again = RefundOrder(id=report.refund_id, amount=owed, restock=False, reason="owed", by=SYSTEM)
            after = reserved(self._store, after, again, report.at)
        if report.ends_intent or not after.is_open:
            after = replace(after, intent=None)
        if (after.status, after.refunded) != (before.status, before.refunded):
            data = {"provider": after.provider, "captured": str(after.captured.minor)}
            more = {"refunded": str(after.refunded.minor), "currency": after.amount.currency}
            self._emit(EventType(f"payment.{after.status}"), after, {**data, **more})
        if after != before:
            after = replace(after, version=after.version + 1, updated_at=report.at)
        former = self._store.due.pop(id, None)
        is_asked = former is not None and bool(report.event) and former <= report.at
        if not after.is_settled or report.state.is_incomplete:
            is_told = report.state.is_incomplete and report.event
            self._store.due[id] = report.at if is_told else report.check_at
        if former is not None and is_asked:
            self._store.due[id] = former
        if is_retried and not is_asked:
            self._store.due[id] = report.at + min(timedelta(seconds=15) * 2 ** min(tries, 13), timedelta(days=1))
        return self._put(after)

    def postpone(self, request: WriteRequest, id: str, check_at: datetime) -> WriteResult[None]:
        def effect() -> None:
            if id in self._store.due:
                self._store.due[id] = max(self._store.due[id], check_at)

        return self._store.once(request, effect)

    def count_unrefunded(self) -> int:
        with self._store.reading():
            owing = [each for each in self._store.payments.values() if self._owes(each)]
            return sum(_count_failed(each) >= REFUSED_OFTEN for each in owing)

    def _owes(self, payment: Payment) -> bool:
        """Whether no refund has brought back what has to go back."""
        purchase = self._purchase(payment.purchase, None)
        has_ended = purchase.stage in (Status.CANCELLED, Status.REFUNDED)
        is_due = self._is_orphan(payment) or (self._store.paying.get(purchase.id) == payment.id and has_ended)
        return is_due and payment.captured.minor > payment.refunded.minor

    def _refund_status(self, payment: Payment) -> PaymentStatus:
        if payment.refunded.minor and payment.refunded == payment.captured:
            return PaymentStatus.REFUNDED
        if self._is_orphan(payment):
            return PaymentStatus.ORPHANED
        has_refund = payment.refunded.minor or payment.status is PaymentStatus.REFUNDED
        return PaymentStatus.PARTIALLY_REFUNDED if has_refund else payment.status

    def _is_orphan(self, payment: Payment) -> bool:
        return payment.id in self._store.settled_payments and self._store.paying.get(payment.purchase) != payment.id

    def _settled(self, payment: Payment, report: StateReport) -> Payment:
        """The payment once it is captured, and what becomes of its purchase."""
        is_whole = payment.captured.minor >= payment.amount.minor
        is_over = payment.status is PaymentStatus.CAPTURED or (payment.captured.minor and not payment.is_open)
        if payment.id in self._store.settled_payments or not is_over:
            return payment
        self._store.settled_payments.add(payment.id)
        purchase = self._purchase(payment.purchase, None)
        is_placed = purchase.status is Status.PLACED
        if is_whole and (is_placed or (_is_overdue(purchase) and self._take_again(purchase))):
            self._store.paying[purchase.id] = payment.id
            transition(self._store, purchase, Status.PAID, report.at, SYSTEM, {"payment": payment.id})
            return payment
        rest = payment.captured.minor - payment.refunded.minor
        order = RefundOrder(id=report.refund_id, amount=rest, restock=False, reason="orphaned", by=SYSTEM)
        orphan = replace(payment, status=PaymentStatus.ORPHANED)
        return reserved(self._store, orphan, order, report.at) if rest else orphan

    def _take_again(self, purchase: Purchase) -> bool:
        has_customer = purchase.user or self._store.guests.get(purchase.id)
        if purchase.id in self._store.forgotten or not has_customer:
            return False
        taken = self._store.restocked.get(purchase.id, {})
        for product, units in taken.items():
            found = self._store.products.get(product)
            if found is None or found.stock - self._store.held(product) < units:
                return False
        if not redeem_again(self._store, purchase.id, purchase.voucher):
            return False
        for product, units in taken.items():
            shelf = self._store.products
            shelf[product] = moved(self._store, shelf[product], -units, MovementKind.SALE, purchase.id, "")
        self._store.restocked.pop(purchase.id, None)
        return True

    def _settle_refunds(self, before: Payment, after: Payment, settled: Sequence[Refund], at: datetime) -> None:
        by = SYSTEM
        for refund in settled:
            emit_refund(self._store, EventType(f"refund.{refund.status}"), after, refund)
            by = refund.by or by
        purchase = self._purchase(after.purchase, None)
        is_paying = self._store.paying.get(purchase.id) == after.id
        done = [refund for refund in after.refunds if refund.restock and refund.status is RefundStatus.SUCCEEDED]
        if done and is_paying and after.status is PaymentStatus.REFUNDED:
            restock(self._store, purchase, None, MovementKind.REFUNDED, done[0].by or "")
        if after.refunded.minor > before.refunded.minor and is_paying and purchase.stage in REFUNDABLE:
            is_whole = after.status is PaymentStatus.REFUNDED
            target = Status.REFUNDED if is_whole else Status.PARTIALLY_REFUNDED
            amount = {"refunded": str(after.refunded.minor), "currency": after.amount.currency}
            data = {"payment": after.id, **amount}
            transition(self._store, purchase, target, at, by, data)

    def intend(self, request: WriteRequest, payment: Payment, intent: Intent, at: datetime) -> WriteResult[Payment]:
        def effect() -> Payment:
            found = self._found(payment.id)
            target = PaymentStatus.CAPTURED if intent is Intent.CAPTURE else PaymentStatus.CANCELLED
            is_possible = found.status is PaymentStatus.AUTHORIZED or (intent is Intent.CANCEL and found.is_open)
            if not is_possible or found.intent not in (None, intent):
                raise InvalidTransition(found.status, target, found.status.successors, kind="payment")
            self._store.due[found.id] = at
            if found.intent:
                return found
            self._store.note(f"payment:{found.id}", ("intent", "", intent))
            self._emit(EventType(f"payment.{intent}_requested"), found, {"provider": found.provider})
            return self._put(replace(found, intent=intent, updated_at=at, version=found.version + 1))

        return self._store.once(request, effect, self._subject)

    def reserve_refund(
        self, request: WriteRequest, purchase: str, order: RefundOrder, payment_id: str, at: datetime
    ) -> WriteResult[ReservedRefund]:
        def effect() -> ReservedRefund:
            found = self._purchase(purchase, None)
            paying = self._store.paying.get(purchase)
            if not paying and found.status not in REFUNDABLE:
                raise InvalidTransition(found.status, Status.REFUNDED, TRANSITIONS[found.status])
            left = self._found(paying).refundable if paying else found.total
            pending = sum(each.amount.minor for each in self._found(paying).pending_refunds) if paying else 0
            amount = left.minor if order.amount is None else order.amount
            if not 0 < amount <= left.minor:
                raise RefundExceedsCaptured(str(left), left.currency)
            if order.restock and amount < left.minor + pending:
                raise restocks_part()
            if paying and len(self._found(paying).refunds) >= MAX_REFUNDS:
                raise TooManyRefunds(MAX_REFUNDS)
            if not paying:
                self._pay(found, payment_id, at)
            payment = self._found(self._store.paying[purchase])
            self._store.note(f"purchase:{purchase}", ("refund", "", str(amount)))
            self._put(reserved(self._store, payment, replace(order, amount=amount), at))
            changed = self._found(payment.id)
            return ReservedRefund(payment=changed, refund=changed.refund(order.id))

        return self._store.once(request, effect, lambda reserved: self._subject(reserved.payment))

    def pay_manually(
        self, request: WriteRequest, purchase: str, payment_id: str, by: Caller, at: datetime
    ) -> WriteResult[Purchase]:
        def effect() -> Purchase:
            found = self._purchase(purchase, None)
            if found.status is not Status.PLACED:
                raise InvalidTransition(found.status, Status.PAID, TRANSITIONS[found.status])
            self._pay(found, payment_id, at)
            self._store.note(f"purchase:{purchase}", ("status", found.status, Status.PAID))
            return transition(self._store, found, Status.PAID, at, by.id, {"payment": payment_id})

        return self._store.once(request, effect, lambda paid: paid.user or "")

    def get(self, id: str, caller: CartCaller | None) -> Payment:
        with self._store.reading():
            payment = self._found(id)
            try:
                self._purchase(payment.purchase, caller)
            except NotFound:
                raise NotFound("payment", id) from None
            return payment

    def of_purchase(self, purchase: str, caller: CartCaller | None) -> Sequence[Payment]:
        with self._store.reading():
            return self._of(self._purchase(purchase, caller).id)

    def due(self, at: datetime, max_payments: int) -> Sequence[str]:
        with self._store.reading():
            due = sorted((each, id) for id, each in self._store.due.items() if each <= at)
            return [id for _, id in due][:max_payments]

    def _found(self, id: str) -> Payment:
        if id not in self._store.payments:
            raise NotFound("payment", id)
        return self._store.payments[id]

    def _purchase(self, id: str, caller: CartCaller | None) -> Purchase:
        found = self._store.purchases.get(id)
        if found is None or not (caller is None or self._may_reach(found, caller)):
            raise NotFound("purchase", id)
        return found

    def _may_reach(self, purchase: Purchase, caller: CartCaller) -> bool:
        is_guest = bool(caller.token) and self._store.guests.get(purchase.id) == caller.token
        return is_guest or bool(caller.user and caller.user == purchase.user)

    def _of(self, purchase: str) -> list[Payment]:
        return [each for each in self._store.payments.values() if each.purchase == purchase]

    def _put(self, payment: Payment) -> Payment:
        self._store.payments[payment.id] = payment
        return payment

    def _pay(self, purchase: Purchase, payment_id: str, at: datetime) -> None:
        total = purchase.total
        draft = _priced(manual_payment(payment_id, purchase.id, at), total)
        payment = self._put(replace(draft, authorized=total, captured=total))
        self._store.paying[purchase.id] = payment.id
        self._store.settled_payments.add(payment.id)
        data = {"provider": payment.provider, "captured": str(total.minor), "refunded": "0"}
        self._emit(EventType.PAYMENT_CAPTURED, payment, {**data, "currency": total.currency})

    def _emit(self, type: EventType, payment: Payment, data: dict[str, str]) -> None:
        self._store.emit(type, payment.id, {"purchase": payment.purchase, **data})

    def _subject(self, payment: Payment) -> str:
        return self._store.purchases[payment.purchase].user or ""


def _count_failed(payment: Payment) -> int:
    return sum(refund.status is RefundStatus.FAILED for refund in payment.refunds)


def _is_overdue(purchase: Purchase) -> bool:
    is_by_shop = purchase.history[-1].by == SYSTEM
    return purchase.status is Status.EXPIRED or (purchase.status is Status.CANCELLED and is_by_shop)


def reserve_rest(store: FakeStore, purchase: Purchase, reason: str, by: str, at: datetime) -> None:
    """A refund of all that was captured for a purchase and is not refunded."""
    payment = store.payments.get(store.paying.get(purchase.id, ""))
    if payment and payment.refundable.minor:
        author = "" if by == purchase.user else by
        rest = payment.refundable.minor
        order = RefundOrder(id=last_refund_id(purchase.id), amount=rest, restock=False, reason=reason, by=author)
        store.payments[payment.id] = reserved(store, payment, order, at)


def reserved(store: FakeStore, payment: Payment, order: RefundOrder, at: datetime) -> Payment:
    refund = Refund(
        id=order.id,
        amount=Money(minor=order.amount or 0, currency=payment.amount.currency),
        status=RefundStatus.PENDING,
        restock=order.restock,
        reason=order.reason,
        by=order.by or None,
        created_at=at,
    )
    store.due[payment.id] = at
    emit_refund(store, EventType.REFUND_REQUESTED, payment, refund)
    return replace(payment, refunds=(*payment.refunds, refund), updated_at=at, version=payment.version + 1)


def emit_refund(store: FakeStore, type: EventType, payment: Payment, refund: Refund) -> None:
    amount = {"amount": str(refund.amount.minor), "currency": refund.amount.currency}
    store.emit(type, refund.id, {"payment": payment.id, "purchase": payment.purchase, **amount})


def _priced(payment: Payment, total: Money) -> Payment:
    nothing = Money(minor=0, currency=total.currency)
    return replace(payment, amount=total, authorized=nothing, captured=nothing, refunded=nothing)


def _merged(payment: Payment, state: ProviderState, undone: dict[str, int]) -> tuple[Payment, Sequence[Refund]]:
    """The payment with what the provider says, and the refunds that are settled by it. Those that failed after they had
    succeeded join `undone`."""
    reported, gone = state.refunds or {}, payment.refunded.minor + sum(undone.values())
    refunds = tuple(_settled_refund(refund, reported.get(refund.id)) for refund in payment.refunds)
    settled = [new for old, new in zip(payment.refunds, refunds, strict=True) if old.status != new.status]
    succeeded = sum(refund.amount.minor for refund in refunds if refund.status is RefundStatus.SUCCEEDED)
    former = {refund.id for refund in payment.refunds if refund.status is RefundStatus.SUCCEEDED}
    undone.update({each.id: each.amount.minor for each in settled if each.id in former})
    named = sum(amount for id, amount in undone.items() if reported.get(id) is RefundStatus.FAILED)
    back = sum(undone.values())
    captured = max(payment.captured.minor, state.captured)
    authorized = max(payment.authorized.minor, state.authorized, captured)
    refunded = min(max(gone, state.refunded + named, succeeded + back) - back, captured)
    status = max(payment.status, state.status, key=ORDER.index)
    if captured and captured >= payment.amount.minor:
        status = max(status, PaymentStatus.CAPTURED, key=ORDER.index)
    waits = status in (PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION)
    return (
        replace(
            payment,
            status=status,
            authorized=replace(payment.amount, minor=authorized),
            captured=replace(payment.amount, minor=captured),
            refunded=replace(payment.amount, minor=refunded),
            refunds=refunds,
            reference=payment.reference or state.reference,
            failure=state.failure or payment.failure,
            client_secret=(state.client_secret or payment.client_secret) if waits else "",
            redirect_url=(state.redirect_url or payment.redirect_url) if waits else "",
        ),
        settled,
    )


def _settled_refund(refund: Refund, status: RefundStatus | None) -> Refund:
    is_failed = refund.status is not RefundStatus.FAILED and status is RefundStatus.FAILED
    is_settled = is_failed or (refund.status is RefundStatus.PENDING and status is RefundStatus.SUCCEEDED)
    return replace(refund, status=status) if status and is_settled else refund
