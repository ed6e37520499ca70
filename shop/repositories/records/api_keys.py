"""The stored fields of an API key. Digests of secrets are script fields: they are no part of an `ApiKey`."""

from datetime import datetime
from typing import Any

from shop.domain.api_keys import ApiKey
from shop.domain.callers import Scope
from shop.repositories.records.fields import Field, Table, Writes, instant, milliseconds, moment


def _scopes(text: str) -> tuple[Scope, ...]:
    # A scope that a later version knows allows nothing here.
    known = {scope.value: scope for scope in Scope}
    return tuple(known[word] for word in text.split() if word in known)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _optional(at: datetime | None) -> str | int:
    return "" if at is None else milliseconds(at)


def _optional_instant(text: str) -> datetime | None:
    return instant(text) if text else None


def _optional_moment(name: str) -> Field:
    return Field(name=name, encode=_optional, decode=_optional_instant, default="", writes=Writes.CREATION)


def _key(values: dict[str, Any]) -> ApiKey:
    return ApiKey(**values)


API_KEY = Table(
    Field(name="id"),
    Field(name="name"),
    Field(name="scopes", encode=" ".join, decode=_scopes),
    Field(name="networks", encode=" ".join, decode=_words),
    moment("created_at"),
    moment("expires_at"),
    _optional_moment("former_expires_at"),
    _optional_moment("last_used_at"),
    make=_key,
    script_fields=("digest", "former_digest"),
)
