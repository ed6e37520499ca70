"""The calls that follow a purchase: it is paid, shipped, returned and refunded, in any order that the shop lets pass.

The fake provider has no process of its own, so its webhooks are sent here: each of them late, in any order, some twice,
some told twice under two ids, and each that is not taken again, as providers do."""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from chaos.history import Call, CallKind
from chaos.stage import Stage
from shop.domain.money import Money
from shop.domain.payments import PaymentStatus, ProviderState, RefundStatus
from shop.payments.fake import Token, webhook_body

_TOKENS = {
    Token.OK: 40,
    Token.TWICE: 20,
    Token.THREE_D_SECURE: 15,
    Token.LATE: 10,
    Token.DECLINE: 10,
    Token.TIMEOUT: 5,
}
#: Of payments that are open for longer, how many staff cancel meanwhile.
_CANCELLED_SHARE = 0.25
#: Of payments, how many are begun twice, under two keys.
_TWICE_SHARE = 0.2
#: Of calls that could go on with a payment, how many begin another.
_NEW_SHARE = 0.25
#: Of refunds that are asked for together, how much of the money each wants: two of them are too much.
_PART = 0.6
#: Purchases that wait to be paid, calls that wait to be sent, and tries of a payment and of a webhook.
MAX_UNPAID, MAX_PLANNED, MAX_TRIES = 60, 200, 3
REASON = "another kind of tea"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sale:
    """A purchase that was made, as its buyer calls it: `headers` are those of a guest."""

    id: str
    caller: str
    headers: Mapping[str, str]
    lines: Sequence[tuple[str, int]]
    tries: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Money:
    """What is known of a payment: its amount, and the refunds that have succeeded, in minor units by their ids."""

    id: str
    sale: Sale
    amount: Money
    refunds: Mapping[str, int]


class PaymentCalls:
    """Makes one call after the other, of the purchases that were added."""

    def __init__(self, stage: Stage, chance: random.Random, name: Callable[[], str]) -> None:
        self._stage = stage
        self._random = chance
        self._name = name
        self._unpaid: deque[Sale] = deque(maxlen=MAX_UNPAID)
        self._planned: list[Call] = []
        #: Sales with a payment under way, and payments, by the id of the purchase.
        self._sales: dict[str, Sale] = {}
        self._paid: dict[str, _Money] = {}
        self._known: set[str] = set()
        self._tries: dict[str, int] = {}
        self._followers = {
            CallKind.PAYMENT: self._follow_payment,
            CallKind.REFUND: self._follow_refund,
            CallKind.SHIPMENT: self._follow_shipment,
            CallKind.RETURN: self._follow_return,
            CallKind.RETURN_APPROVAL: self._follow_approval,
        }

    def add(self, sale: Sale) -> None:
        """Have this purchase paid at some time."""
        if self._stage.takes_payments:
            self._unpaid.append(sale)

    def next_call(self) -> Call | None:
        """The next call; None where there is nothing to do."""
        if self._planned and not (self._unpaid and self._random.random() < _NEW_SHARE):
            # Any of them: what was planned first may come last.
            return self._planned.pop(self._random.randrange(len(self._planned)))
        if not self._unpaid:
            return None
        self._unpaid.rotate(self._random.randrange(len(self._unpaid)))
        return self._payment(self._unpaid.popleft())

    def record_response(self, call: Call) -> None:
        """Plan what follows an answered call; a webhook that was not taken comes again."""
        follow = self._followers.get(call.kind)
        if follow and call.is_success:
            follow(call)
        elif call.kind is CallKind.WEBHOOK and not call.is_acknowledged:
            self._send_again(call)

    def _payment(self, sale: Sale) -> Call:
        self._sales[sale.id] = sale
        (token,) = self._random.choices(list(_TOKENS), list(_TOKENS.values()))
        body = {"provider": "fake", "method": token, "return_url": "https://shop.example/thanks"}
        if self._random.random() < _TWICE_SHARE:
            self._plan(self._of_buyer(sale, CallKind.PAYMENT, f"/purchases/{sale.id}/payments/", body))
        return self._of_buyer(sale, CallKind.PAYMENT, f"/purchases/{sale.id}/payments/", body)

    def _follow_payment(self, call: Call) -> None:
        content, sale = call.content, self._sales.get(call.subject)
        if sale is None or content["id"] in self._known:
            return
        self._known.add(content["id"])
        amount = Money.parse(content["amount"], content["currency"])
        money = _Money(id=content["id"], sale=sale, amount=amount, refunds={})
        if content["status"] == PaymentStatus.FAILED:
            self._report(money, PaymentStatus.FAILED, failure="card-declined")
            if sale.tries < MAX_TRIES - 1:
                self._unpaid.append(replace(sale, tries=sale.tries + 1))
            return
        self._paid[sale.id] = money
        self._finish(money, PaymentStatus(content["status"]))

    def _finish(self, money: _Money, status: PaymentStatus) -> None:
        """Plan how a payment that has begun goes on, and the purchase with it."""
        if status is PaymentStatus.REQUIRES_ACTION:
            self._report(money, PaymentStatus.AUTHORIZED)
            self._plan(self._of_staff(money.sale, CallKind.CAPTURE, f"/payments/{money.id}/capture/", {}))
        elif status is PaymentStatus.PROCESSING and self._random.random() < _CANCELLED_SHARE:
            self._plan(self._of_staff(money.sale, CallKind.PAYMENT_CANCELLATION, f"/payments/{money.id}/cancel/", {}))
        self._report(money, PaymentStatus.PROCESSING)
        self._report(money, PaymentStatus.CAPTURED, times=2)
        self._report(money, PaymentStatus.CAPTURED)
        self._random.choice((self._refund_whole, self._refund_parts, self._ship, self._ship, lambda _: None))(money)

    def _refund_whole(self, money: _Money) -> None:
        """All that is left, asked for twice: one of them finds nothing left."""
        restock = self._random.random() < 0.5
        for _ in range(2):
            self._refund(money, {"reason": REASON, "restock": restock})

    def _refund_parts(self, money: _Money) -> None:
        part = replace(money.amount, minor=int(money.amount.minor * _PART))
        for _ in range(2):
            self._refund(money, {"reason": REASON, "restock": False, "amount": str(part)})

    def _refund(self, money: _Money, body: Mapping[str, Any]) -> None:
        call = self._of_staff(money.sale, CallKind.REFUND, f"/purchases/{money.sale.id}/refunds/", body)
        # A refund has to have a key.
        call.key, call.items = self._name(), tuple(money.sale.lines)
        self._plan(call)

    def _follow_refund(self, call: Call) -> None:
        money, content = self._paid.get(call.subject), call.content
        if money is None or content["status"] != RefundStatus.SUCCEEDED:
            return
        minor = Money.parse(content["amount"], money.amount.currency).minor
        self._paid[call.subject] = money = replace(money, refunds={**money.refunds, content["id"]: minor})
        self._report(money, PaymentStatus.CAPTURED, times=2)
        self._report(money, PaymentStatus.CAPTURED)

    def _ship(self, money: _Money) -> None:
        path = f"/purchases/{money.sale.id}/ship/"
        self._plan(self._of_staff(money.sale, CallKind.SHIPMENT, path, {"carrier": "a bicycle"}))

    def _follow_shipment(self, call: Call) -> None:
        money = self._paid.get(call.subject)
        if money and self._random.random() < 0.7:
            product, quantity = self._random.choice(money.sale.lines)
            body = {"lines": [{"product": product, "quantity": quantity}], "reason": REASON}
            asked = self._of_buyer(money.sale, CallKind.RETURN, f"/purchases/{money.sale.id}/returns/", body)
            asked.items = ((product, quantity),)
            self._plan(asked)

    def _follow_return(self, call: Call) -> None:
        path = f"/returns/{call.content['id']}/approve/"
        self._follow_step(call, CallKind.RETURN_APPROVAL, path, {})

    def _follow_approval(self, call: Call) -> None:
        path = f"/returns/{call.content['id']}/receive/"
        restock = self._random.random() < 0.5
        self._follow_step(call, CallKind.RETURN_RECEIPT, path, {"restock": restock})
        money = self._paid.get(call.subject)
        if money and self._random.random() < 0.5:
            self._refund_parts(money)

    def _follow_step(self, call: Call, kind: CallKind, path: str, body: Mapping[str, Any]) -> None:
        if (path not in self._known) and (money := self._paid.get(call.subject)):
            self._known.add(path)
            step = self._of_staff(money.sale, kind, path, body)
            step.items = call.items
            self._plan(step)

    def _report(self, money: _Money, status: PaymentStatus, times: int = 1, failure: str = "") -> None:
        """Plan a webhook of what is true of this payment now: totals since it began, as often under its id."""
        if self._stage.provider is None:
            return
        has_money = status is PaymentStatus.CAPTURED
        minor = money.amount.minor if has_money else 0
        state = ProviderState(
            status=status,
            reference=f"fake_{money.id}",
            authorized=money.amount.minor if has_money or status is PaymentStatus.AUTHORIZED else 0,
            captured=minor,
            refunded=sum(money.refunds.values()) if has_money else 0,
            refunds=dict.fromkeys(money.refunds, RefundStatus.SUCCEEDED) if has_money else {},
            failure=failure,
        )
        body, headers = self._stage.provider.signed(
            webhook_body(money.id, state, f"evt_{self._name()}"), datetime.now(UTC)
        )
        for _ in range(times):
            self._plan(
                Call(
                    kind=CallKind.WEBHOOK,
                    method="POST",
                    path="/payments/webhooks/fake/",
                    headers=headers,
                    body=orjson.loads(body),
                    subject=money.sale.id,
                )
            )

    def _send_again(self, call: Call) -> None:
        event = str((call.body or {})["id"])
        self._tries[event] = self._tries.get(event, 0) + 1
        if self._tries[event] < MAX_TRIES:
            copy = replace(call, due=0.0, ended=0.0, status=0, answer=b"", request_id="", retry_after="", error="")
            self._plan(copy)

    def _plan(self, call: Call) -> None:
        """Beyond the limit nothing is planned: a shop that answers nothing gets no more."""
        if len(self._planned) < MAX_PLANNED:
            self._planned.append(call)

    def _of_buyer(self, sale: Sale, kind: CallKind, path: str, body: Mapping[str, Any]) -> Call:
        return self._call(sale, kind, path, body, sale.caller, sale.headers)

    def _of_staff(self, sale: Sale, kind: CallKind, path: str, body: Mapping[str, Any]) -> Call:
        return self._call(sale, kind, path, body, self._stage.staff.id, {})

    def _call(
        self,
        sale: Sale,
        kind: CallKind,
        path: str,
        body: Mapping[str, Any],
        caller: str,
        headers: Mapping[str, str],
    ) -> Call:
        key = self._name() if self._random.random() < 0.5 else ""
        return Call(
            kind=kind, method="POST", path=path, caller=caller, headers=headers, body=body, key=key, subject=sale.id
        )
