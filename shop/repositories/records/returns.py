"""The stored fields of a return. Lines are JSON lists of rows: product and number."""

from collections.abc import Sequence
from typing import Any

import orjson

from shop.domain.purchases import Units
from shop.domain.returns import Return, ReturnStatus
from shop.repositories.records.fields import Field, Table, Writes, moment, whole
from shop.repositories.records.purchases import units


def lines_text(lines: Sequence[Units]) -> str:
    """Lines as scripts take them."""
    return orjson.dumps([(line.product, line.quantity) for line in lines]).decode()


def _lines(text: str) -> tuple[Units, ...]:
    return units(orjson.loads(text))


def _return(values: dict[str, Any]) -> Return:
    return Return(**values)


RETURN = Table(
    Field(name="id"),
    Field(name="purchase"),
    Field(name="status", decode=ReturnStatus),
    Field(name="lines", encode=lines_text, decode=_lines),
    Field(name="received", encode=lines_text, decode=_lines, default="[]", writes=Writes.SCRIPTS),
    Field(name="restocked", encode=lines_text, decode=_lines, default="[]", writes=Writes.SCRIPTS),
    Field(name="reason"),
    moment("created_at"),
    moment("updated_at"),
    whole("version"),
    make=_return,
)
