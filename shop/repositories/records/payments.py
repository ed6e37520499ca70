"""The stored fields of a payment. Its refunds are a JSON list of rows of texts: a row may be longer than this version
knows, and what it has more is ignored."""

from collections.abc import Sequence
from typing import Any

import orjson

from shop.domain.money import Money
from shop.domain.payments import Intent, Payment, PaymentStatus, Refund, RefundStatus
from shop.repositories.records.fields import Field, Table, Writes, instant, moment, whole

_AMOUNTS = ("amount", "authorized", "captured", "refunded")


def _payment(values: dict[str, Any]) -> Payment:
    currency = values.pop("currency")
    refunds = tuple(_refund(row, currency) for row in values.pop("refunds"))
    amounts = {name: Money(minor=values.pop(name), currency=currency) for name in _AMOUNTS}
    return Payment(**values | amounts | {"refunds": refunds})


def _refund(row: Sequence[str], currency: str) -> Refund:
    id, amount, status, has_units, reason, by, at = row[:7]
    return Refund(
        id=id,
        amount=Money(minor=int(amount), currency=currency),
        status=RefundStatus(status),
        restock=has_units == "1",
        reason=reason,
        by=by or None,
        created_at=instant(at),
    )


def _total(name: str) -> Field:
    return whole(name, value=lambda payment: getattr(payment, name).minor)


PAYMENT = Table(
    Field(name="id"),
    Field(name="purchase", writes=Writes.SCRIPTS),
    Field(name="provider"),
    Field(name="method"),
    Field(name="is_captured_later", encode=int, decode=lambda text: text == "1"),
    Field(name="return_url"),
    whole("amount", writes=Writes.SCRIPTS),
    Field(name="currency", writes=Writes.SCRIPTS),
    Field(name="status", decode=PaymentStatus),
    Field(name="reference"),
    _total("authorized"),
    _total("captured"),
    _total("refunded"),
    Field(name="refunds", writes=Writes.SCRIPTS, decode=lambda text: orjson.loads(text) if text else [], default=""),
    Field(name="intent", encode=lambda intent: intent or "", decode=lambda text: Intent(text) if text else None),
    Field(name="client_secret"),
    Field(name="redirect_url"),
    Field(name="failure"),
    moment("created_at"),
    moment("updated_at"),
    whole("version"),
    make=_payment,
    script_fields=("settlement",),
)
