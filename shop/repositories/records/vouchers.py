"""The stored fields of a voucher. What it does not have is an empty text."""

from datetime import datetime
from typing import Any

from shop.domain.vouchers import Voucher, VoucherKind
from shop.repositories.records.fields import Field, Table, Writes, instant, milliseconds, moment, whole


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _optional_whole(name: str) -> Field:
    return Field(name=name, encode=_text, decode=lambda text: int(text) if text else None)


def _optional_milliseconds(at: datetime | None) -> str | int:
    return "" if at is None else milliseconds(at)


def _optional_moment(name: str) -> Field:
    return Field(name=name, encode=_optional_milliseconds, decode=lambda text: instant(text) if text else None)


VOUCHER = Table(
    Field(name="id"),
    Field(name="code"),
    Field(name="kind", decode=VoucherKind),
    whole("value"),
    Field(name="currency", encode=_text, decode=lambda text: text or None),
    _optional_whole("minimum"),
    _optional_moment("starts_at"),
    _optional_moment("ends_at"),
    _optional_whole("limit"),
    _optional_whole("limit_per_customer"),
    Field(name="is_paused", encode=int, decode=lambda text: text == "1"),
    whole("redeemed", writes=Writes.CREATION),
    moment("created_at"),
    moment("updated_at"),
    whole("version"),
    make=lambda values: Voucher(**values),
)
