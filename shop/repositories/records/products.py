"""The stored fields of a product."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from shop.domain.money import Money, decimal_text
from shop.domain.products import Product, ProductDocument
from shop.repositories.records.fields import Field, Table, Writes, instant, moment, whole


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

#: The fields that `document` takes, in this order.
DOCUMENT_FIELDS = PRODUCT.names


def document(values: Sequence[str]) -> ProductDocument:
    """The JSON document of the product whose fields have these texts, as `product_document` makes it of the entity: a
    page of twenty takes less than half the time without the entities.

    Raises:
        TypeError, ValueError: the record is damaged.
    """
    id, sku, name, description, category, company, day, price, currency, stock, created, updated, version = values
    return {
        "id": id,
        "sku": sku,
        "name": name,
        "description": description,
        "category": category,
        "company": company,
        "date_manufactured": day or None,
        "price": decimal_text(price, currency),
        "currency": currency,
        "stock": int(stock),
        "is_sold": stock == "0",
        "created_at": instant(created),
        "updated_at": instant(updated),
        "version": int(version),
    }
