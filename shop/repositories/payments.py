"""Payments in Redis."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from exactly_once import Consistency, Store, WriteRequest, WriteResult
from exactly_once.declarations import Value
from shop.domain.callers import Caller
from shop.domain.carts import CartCaller
from shop.domain.errors import NotFound
from shop.domain.payment_repository import PaymentRepository, RefundOrder, ReservedRefund, StateReport
from shop.domain.payments import (
    MAX_PAYMENTS,
    MAX_REFUNDS,
    Intent,
    Payment,
    ProviderState,
    manual_payment,
    max_payments,
)
from shop.domain.purchases import Purchase
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.payment_writes import APPLY, BEGIN, INTEND, PAY, POSTPONE, PREFIXES, RESERVE
from shop.repositories.purchase_transitions import (
    GIVE_BACK_ARGS,
    RESTOCK_ARGS,
    RESTOCK_KEYS,
    TRANSITION_ARGS,
    TRANSITION_KEYS,
    named,
)

#: How long an event of a provider is remembered, in seconds: longer than any provider repeats one.
EVENT_TTL_S = 30 * 86_400


class RedisPaymentRepository(PaymentRepository):
    """Stores each payment in a hash with its refunds, those of a purchase in a set, and those to check in another one
    by the instant of the next check."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def begin(self, request: WriteRequest, payment: Payment, caller: CartCaller | None) -> WriteResult[Payment]:
        call = BEGIN.call(
            request,
            keys={
                "purchase": self._keys.purchase(payment.purchase),
                "payments": self._keys.purchase_payments(payment.purchase),
                "payments_open": self._keys.payments_open,
            },
            args={
                "id": payment.id,
                "purchase_id": payment.purchase,
                "fields": records.PAYMENT.creation(payment),
                "check_at": records.milliseconds(payment.next_check(payment.created_at)),
                "max_payments": max_payments(caller),
                **_who(caller),
                **named(self._keys, *PREFIXES),
            },
            about=payment.id,
        )
        return self._store.write(call)

    def apply(self, request: WriteRequest, payment: Payment, report: StateReport) -> WriteResult[Payment]:
        call = APPLY.call(
            request,
            keys={
                "provider_event": self._keys.provider_event(payment.provider, report.event),
                **named(self._keys, "payments_open", "payments_unrefunded", *TRANSITION_KEYS, *RESTOCK_KEYS),
            },
            args={
                "id": payment.id,
                "purchase_id": payment.purchase,
                "report": _state(report.state),
                "event_ttl_s": EVENT_TTL_S if report.event else 0,
                "ends_intent": int(report.ends_intent),
                "refund_id": report.refund_id,
                "check_at": records.milliseconds(report.check_at),
                "at": records.milliseconds(report.at),
                **named(self._keys, "payment_prefix", "holds_prefix", *RESTOCK_ARGS, *TRANSITION_ARGS, *GIVE_BACK_ARGS),
            },
            about=payment.id,
        )
        return self._store.write(call)

    def intend(self, request: WriteRequest, payment: Payment, intent: Intent, at: datetime) -> WriteResult[Payment]:
        call = INTEND.call(
            request,
            keys={"purchase": self._keys.purchase(payment.purchase), "payments_open": self._keys.payments_open},
            args={
                "id": payment.id,
                "intent": intent,
                "at": records.milliseconds(at),
                **named(self._keys, *PREFIXES),
            },
            about=payment.id,
        )
        return self._store.write(call)

    def reserve_refund(
        self, request: WriteRequest, purchase: str, order: RefundOrder, payment_id: str, at: datetime
    ) -> WriteResult[ReservedRefund]:
        call = RESERVE.call(
            request,
            keys={"purchase": self._keys.purchase(purchase), "payments_open": self._keys.payments_open},
            args={
                "id": order.id,
                "purchase_id": purchase,
                "amount": "" if order.amount is None else order.amount,
                "restock": int(order.restock),
                "reason": order.reason,
                "by": order.by,
                "at": records.milliseconds(at),
                "max_refunds": MAX_REFUNDS,
                "manual_id": payment_id,
                "manual_fields": _manual(payment_id, purchase, at),
                **named(self._keys, *PREFIXES),
            },
            about=purchase,
        )
        return self._store.write(call)

    def pay_manually(
        self, request: WriteRequest, purchase: str, payment_id: str, by: Caller, at: datetime
    ) -> WriteResult[Purchase]:
        call = PAY.call(
            request,
            keys={
                "purchase": self._keys.purchase(purchase),
                **named(self._keys, "payments_open", *TRANSITION_KEYS),
            },
            args={
                "id": purchase,
                "payment_id": payment_id,
                "payment_fields": _manual(payment_id, purchase, at),
                "by": by.id,
                "at": records.milliseconds(at),
                **named(self._keys, "payment_prefix", *TRANSITION_ARGS),
            },
            about=purchase,
        )
        return self._store.write(call)

    def get(self, id: str, caller: CartCaller | None) -> Payment:
        found = self._store.read_script(
            "payment_get",
            keys={"payment": self._keys.payment(id)},
            args={**_who(caller), **named(self._keys, "purchase_prefix")},
        )
        if not found:
            raise NotFound("payment", id)
        return records.PAYMENT.read_flat(found)

    def of_purchase(self, purchase: str, caller: CartCaller | None) -> Sequence[Payment]:
        found = self._store.read_script(
            "payment_list",
            keys={"purchase": self._keys.purchase(purchase), "payments": self._keys.purchase_payments(purchase)},
            args={**_who(caller), "max_payments": MAX_PAYMENTS, **named(self._keys, "payment_prefix")},
        )
        if not found:
            raise NotFound("purchase", purchase)
        return [records.PAYMENT.read_flat(flat) for flat in found[1]]

    def due(self, at: datetime, max_payments: int) -> Sequence[str]:
        now = records.milliseconds(at)
        found: Sequence[str] = self._store.read(
            ("ZRANGE", self._keys.payments_open, "-inf", now, "BYSCORE", "LIMIT", 0, max_payments)
        )
        return found

    def postpone(self, request: WriteRequest, id: str, check_at: datetime) -> WriteResult[None]:
        call = POSTPONE.call(
            request,
            keys=named(self._keys, "payments_open"),
            args={"id": id, "check_at": records.milliseconds(check_at)},
            about=id,
        )
        return self._store.write(call)

    def count_unrefunded(self) -> int:
        return int(self._store.read(("ZCARD", self._keys.payments_unrefunded), Consistency.CAUSAL))


def _who(caller: CartCaller | None) -> dict[str, Value]:
    who = caller or CartCaller()
    return {"caller": who.user, "token": who.token, "is_any": int(caller is None)}


def _manual(id: str, purchase: str, at: datetime) -> str:
    return records.PAYMENT.creation(manual_payment(id, purchase, at))


def _state(state: ProviderState) -> str:
    """The state as the script has it: numbers as texts, which lose no digit."""
    document: dict[str, Any] = {
        "status": state.status,
        "reference": state.reference,
        "authorized": str(state.authorized),
        "captured": str(state.captured),
        "refunded": str(state.refunded),
        "refunds": state.refunds or {},
        "is_incomplete": state.is_incomplete,
        "client_secret": state.client_secret,
        "redirect_url": state.redirect_url,
        "failure": state.failure,
    }
    return orjson.dumps(document).decode()
