"""The stored fields of a webhook endpoint. What the worker needs of it besides are script fields."""

from datetime import datetime
from typing import Any

from shop.domain.events import EventType
from shop.domain.webhooks import Endpoint
from shop.repositories.records.fields import Field, Table, Writes, instant, milliseconds, moment


def _types(text: str) -> tuple[EventType, ...]:
    # A type that a later version knows is never sent here.
    known = {type.value: type for type in EventType}
    return tuple(known[word] for word in text.split() if word in known)


def _switch(is_on: bool) -> int:
    return int(is_on)


def _optional(at: datetime | None) -> str | int:
    return "" if at is None else milliseconds(at)


def _optional_instant(text: str) -> datetime | None:
    return instant(text) if text else None


def _set_by_scripts(name: str) -> Field:
    return Field(name=name, encode=_optional, decode=_optional_instant, default="", writes=Writes.SCRIPTS)


def _endpoint(values: dict[str, Any]) -> Endpoint:
    return Endpoint(**values)


ENDPOINT = Table(
    Field(name="id", writes=Writes.CREATION),
    Field(name="url"),
    Field(name="description"),
    Field(name="types", encode=" ".join, decode=_types),
    Field(name="is_enabled", encode=_switch, decode="1".__eq__),
    Field(name="nonce", writes=Writes.CREATION),
    Field(name="former_nonce", default="", writes=Writes.SCRIPTS),
    _set_by_scripts("former_expires_at"),
    _set_by_scripts("failing_since"),
    moment("created_at", writes=Writes.CREATION),
    moment("updated_at"),
    make=_endpoint,
    script_fields=("failures", "claim", "not_before"),
)
