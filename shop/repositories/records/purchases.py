"""The stored fields of a purchase. Its items and its history are JSON lists of rows: a row may be longer than this
version knows, and what it has more is ignored."""

from collections.abc import Sequence
from typing import Any

import orjson

from shop.domain.money import Money
from shop.domain.purchases import Event, Item, Purchase, Status
from shop.repositories.records.carts import address_of
from shop.repositories.records.fields import Field, Table, Writes, instant, milliseconds, moment, whole


def _purchase(values: dict[str, Any]) -> Purchase:
    currency = values.pop("currency")
    items = tuple(_item(item, currency) for item in values.pop("items"))
    total = Money(minor=values.pop("total"), currency=currency)
    address = values.pop("address")
    return Purchase(items=items, total=total, shipping_address=address, **values)


def _item(item: Sequence[Any], currency: str) -> Item:
    product, sku, name, unit_price, quantity, line_total = item[:6]
    return Item(
        product=product,
        sku=sku,
        name=name,
        unit_price=Money(minor=int(unit_price), currency=currency),
        quantity=quantity,
        line_total=Money(minor=int(line_total), currency=currency),
    )


def _encoded_history(events: Sequence[Event]) -> str:
    return orjson.dumps([(event.status, str(milliseconds(event.at)), event.by or "") for event in events]).decode()


def _history(text: str) -> tuple[Event, ...]:
    return tuple(_event(event) for event in orjson.loads(text))


def _event(event: Sequence[Any]) -> Event:
    status, at, by = event[:3]
    return Event(status=Status(status), at=instant(at), by=by or None)


PURCHASE = Table(
    Field(name="id"),
    Field(name="user", encode=lambda user: user or "", decode=lambda text: text or None),
    Field(name="status", decode=Status),
    Field(name="items", decode=orjson.loads, writes=Writes.SCRIPTS),
    whole("total", writes=Writes.SCRIPTS),
    Field(name="currency", writes=Writes.SCRIPTS),
    moment("created_at"),
    moment("updated_at"),
    whole("version"),
    Field(name="history", encode=_encoded_history, decode=_history),
    Field(name="cart", decode=lambda text: text or None, default="", writes=Writes.SCRIPTS),
    Field(name="email", default="", writes=Writes.SCRIPTS),
    Field(name="address", decode=address_of, default="", writes=Writes.SCRIPTS),
    Field(name="shipping_method", default="", writes=Writes.SCRIPTS),
    Field(name="pay_by", decode=lambda text: instant(text) if text else None, default="", writes=Writes.SCRIPTS),
    make=_purchase,
    script_fields=(
        "guest",
        "restocked",
    ),
)
