"""Hashes of the store to domain values and back. Money is minor units, instants are milliseconds since 1970."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from shop.domain.callers import Role
from shop.domain.money import Money
from shop.domain.products import Product
from shop.domain.purchases import Event, Item, Purchase, Status
from shop.domain.users import User, email_key

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Flat = Sequence[str]

#: What is read of a product, in this order: the rest of its hash is for scripts.
PRODUCT = (
    "id",
    "sku",
    "name",
    "description",
    "category",
    "company",
    "date_manufactured",
    "price",
    "currency",
    "stock",
    "created_at",
    "updated_at",
    "version",
)


def fields(flat: Flat) -> dict[str, str]:
    """The hash that the store lists as field, value, field, value."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def shown(values: Sequence[str]) -> dict[str, str]:
    """The hash of which the values of PRODUCT were asked for."""
    return dict(zip(PRODUCT, values, strict=True))


def flat(record: Mapping[str, str | int]) -> str:
    """A hash as scripts take it: a JSON list of field, value, field, value, all of them strings."""
    return orjson.dumps([str(part) for pair in record.items() for part in pair]).decode()


def milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MILLISECOND


def instant(milliseconds: str | int) -> datetime:
    return _EPOCH + timedelta(milliseconds=int(milliseconds))


def user(record: Mapping[str, str]) -> User:
    return User(
        id=record["id"],
        email=record["email"],
        first_name=record["first_name"],
        last_name=record["last_name"],
        role=Role(record["role"]),
        created_at=instant(record["created_at"]),
        updated_at=instant(record["updated_at"]),
        version=int(record["version"]),
    )


def of_user(user: User) -> dict[str, str | int]:
    return {
        "id": user.id,
        "email": user.email,
        "email_key": email_key(user.email),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "role": user.role,
        "created_at": milliseconds(user.created_at),
        "updated_at": milliseconds(user.updated_at),
        "version": user.version,
    }


def product(record: Mapping[str, str]) -> Product:
    manufactured = record["date_manufactured"]
    return Product(
        id=record["id"],
        sku=record["sku"],
        name=record["name"],
        description=record["description"],
        category=record["category"],
        company=record["company"],
        date_manufactured=date.fromisoformat(manufactured) if manufactured else None,
        price=Money(minor=int(record["price"]), currency=record["currency"]),
        stock=int(record["stock"]),
        created_at=instant(record["created_at"]),
        updated_at=instant(record["updated_at"]),
        version=int(record["version"]),
    )


def of_product(product: Product) -> dict[str, str | int]:
    """Without the stock, which an edit leaves alone."""
    return {
        "id": product.id,
        "sku": product.sku,
        "name": product.name,
        "description": product.description,
        "category": product.category,
        "company": product.company,
        "date_manufactured": product.date_manufactured.isoformat() if product.date_manufactured else "",
        "price": product.price.minor,
        "currency": product.price.currency,
        "created_at": milliseconds(product.created_at),
        "updated_at": milliseconds(product.updated_at),
        "version": product.version,
    }


def purchase(record: Mapping[str, str]) -> Purchase:
    currency = record["currency"]
    return Purchase(
        id=record["id"],
        user=record["user"] or None,
        status=Status(record["status"]),
        items=tuple(_item(item, currency) for item in orjson.loads(record["items"])),
        total=Money(minor=int(record["total"]), currency=currency),
        created_at=instant(record["created_at"]),
        updated_at=instant(record["updated_at"]),
        version=int(record["version"]),
        history=tuple(_event(event) for event in orjson.loads(record["history"])),
    )


def _item(item: Sequence[Any], currency: str) -> Item:
    product, sku, name, unit_price, quantity, line_total = item
    return Item(
        product=product,
        sku=sku,
        name=name,
        unit_price=Money(minor=int(unit_price), currency=currency),
        quantity=quantity,
        line_total=Money(minor=int(line_total), currency=currency),
    )


def _event(event: Sequence[Any]) -> Event:
    status, at, by = event
    return Event(status=Status(status), at=instant(at), by=by or None)
