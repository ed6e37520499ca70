"""The stored fields of a purchase. Its items, its history and its shipments are JSON lists of rows: a row may be longer
than this version knows, and what it has more is ignored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from shop.domain.money import Money
from shop.domain.purchases import Event, Item, Purchase, Shipment, Status, Units
from shop.repositories.records.carts import address_of
from shop.repositories.records.fields import Field, Table, Writes, instant, milliseconds, moment, whole


def _purchase(values: dict[str, Any]) -> Purchase:
    currency = values.pop("currency")
    items = tuple(_item(item, currency) for item in values.pop("items"))
    total = Money(minor=values.pop("total"), currency=currency)
    return Purchase(items=items, total=total, **values)


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


def units(rows: Sequence[Sequence[Any]]) -> tuple[Units, ...]:
    """Units of products, of rows that begin with product and number."""
    return tuple(Units(product=row[0], quantity=row[1]) for row in rows)


def _encoded_shipments(shipments: Sequence[Shipment]) -> str:
    return orjson.dumps([_shipment_row(shipment) for shipment in shipments]).decode()


def _shipment_row(shipment: Shipment) -> Sequence[Any]:
    lines = [(line.product, line.quantity) for line in shipment.lines]
    return str(milliseconds(shipment.at)), shipment.carrier, shipment.tracking, lines


def _shipments(text: str) -> tuple[Shipment, ...]:
    return tuple(_shipment(row) for row in orjson.loads(text))


def _shipment(row: Sequence[Any]) -> Shipment:
    at, carrier, tracking, lines = row[:4]
    return Shipment(at=instant(at), carrier=carrier, tracking=tracking, lines=units(lines))


def _optional_milliseconds(at: datetime | None) -> str | int:
    return "" if at is None else milliseconds(at)


def _optional_instant(text: str) -> datetime | None:
    return instant(text) if text else None


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
    Field(name="shipping_address", decode=address_of, default="", writes=Writes.SCRIPTS),
    Field(name="shipping_method", default="", writes=Writes.SCRIPTS),
    whole("discount", default="0", writes=Writes.SCRIPTS),
    whole("shipping", default="0", writes=Writes.SCRIPTS),
    Field(name="voucher", default="", writes=Writes.SCRIPTS),
    Field(name="shipments", encode=_encoded_shipments, decode=_shipments, default="[]", writes=Writes.SCRIPTS),
    Field(
        name="pay_by",
        encode=_optional_milliseconds,
        decode=_optional_instant,
        default="",
        writes=Writes.SCRIPTS,
    ),
    make=_purchase,
    script_fields=(
        *("guest", "guest_customer", "is_forgotten", "voucher_id", "voucher_customer", "voucher_returned"),
        *("restocked", "restocked_units", "payment"),
    ),
)
