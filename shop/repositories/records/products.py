"""The stored fields of a product."""

from datetime import date
from typing import Any

from shop.domain.money import Money
from shop.domain.products import Product
from shop.repositories.records.fields import Field, Table, Writes, moment, whole


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _product(values: dict[str, Any]) -> Product:
    price = Money(minor=values.pop("price"), currency=values.pop("currency"))
    return Product(price=price, **values)


PRODUCT = Table(
    Field(name="id"),
    Field(name="sku"),
    Field(name="name"),
    Field(name="description"),
    Field(name="category"),
    Field(name="company"),
    Field(name="date_manufactured", encode=lambda day: day.isoformat() if day else "", decode=_date),
    whole("price", value=lambda product: product.price.minor),
    Field(name="currency", value=lambda product: product.price.currency),
    whole("stock", writes=Writes.CREATION),
    moment("created_at"),
    moment("updated_at"),
    whole("version"),
    make=_product,
    script_fields=("number", "opening", "adjusted", "withdrawn"),
)
