"""The stored fields of an address: a JSON object in the hash of its user's addresses."""

from collections.abc import Mapping
from typing import Any

import orjson

from shop.domain.addresses import Address
from shop.repositories.records.fields import Field, Table, moment, whole

#: The field of the hash that has the id of the default.
DEFAULT = "default"

_ADDRESS = Table(
    Field(name="id"),
    Field(name="name"),
    Field(name="line_1"),
    Field(name="line_2"),
    Field(name="postal_code"),
    Field(name="city"),
    Field(name="region"),
    Field(name="country"),
    Field(name="phone"),
    moment("created_at"),
    moment("updated_at"),
    whole("version"),
    make=lambda values: Address(is_default=False, **values),
)


def stored_address(address: Address) -> str:
    """The JSON of an address. Every value is a text, as those of a hash are."""
    return orjson.dumps({name: str(text) for name, text in _ADDRESS.texts(address).items()}).decode()


def read_address(text: str, default: str | None) -> Address:
    """The address of a stored JSON; `default` is the id of the user's default.

    Raises:
        KeyError, ValueError: the record is damaged.
    """
    record: Mapping[str, Any] = orjson.loads(text)
    values = {field.name: field.decode(field.text_in(record)) for field in _ADDRESS.fields}
    return Address(is_default=values["id"] == default, **values)
