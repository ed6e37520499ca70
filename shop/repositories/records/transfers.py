"""The stored fields of an import or export."""

from datetime import datetime
from typing import Any

from shop.domain.transfers import Direction, Transfer, TransferFormat, TransferStatus
from shop.repositories.records.fields import Field, Table, Writes, instant, milliseconds, moment, whole


def _optional(at: datetime | None) -> str | int:
    return "" if at is None else milliseconds(at)


def _optional_instant(text: str) -> datetime | None:
    return instant(text) if text else None


def _optional_moment(name: str, **more: Any) -> Field:
    return Field(name=name, encode=_optional, decode=_optional_instant, **more)


def _transfer(values: dict[str, Any]) -> Transfer:
    return Transfer(**values)


TRANSFER = Table(
    Field(name="id"),
    Field(name="direction", decode=Direction),
    Field(name="kind"),
    Field(name="format", decode=TransferFormat),
    Field(name="status", decode=TransferStatus),
    Field(name="by"),
    _optional_moment("since"),
    _optional_moment("until"),
    whole("size"),
    Field(name="sha256"),
    Field(name="cursor"),
    whole("chunks"),
    whole("step"),
    whole("rows_done"),
    whole("rows_failed"),
    Field(name="error"),
    Field(name="claim"),
    moment("created_at"),
    # Set by scripts, once it has begun, or ended.
    _optional_moment("started_at", default="", writes=Writes.SCRIPTS),
    _optional_moment("finished_at", default="", writes=Writes.SCRIPTS),
    make=_transfer,
    script_fields=("stored_bytes",),
)
