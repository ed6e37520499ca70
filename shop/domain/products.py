"""Products: what the shop sells."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from shop.domain.money import Money

MAX_UNITS = 2**31 - 1

#: A product as it is listed: what its JSON document has.
ProductDocument = Mapping[str, Any]


class ProductOrder(StrEnum):
    """Sort orders of the catalogue; ties are in order of creation."""

    CREATED_AT = "created_at"
    PRICE = "price"
    NAME = "name"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductDetails:
    """The fields of a product that staff set when they create it, and may change at any time."""

    name: str
    description: str
    category: str
    company: str
    date_manufactured: date | None
    price: Money

    def values(self) -> dict[str, Any]:
        """Each of these fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(ProductDetails)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Product(ProductDetails):
    """Something for sale. `stock` counts units and changes with every sale, each time with a later `stock_changed_at`;
    `updated_at` is that of the last edit, and `version` counts edits, from 1."""

    id: str
    sku: str
    stock: int
    created_at: datetime
    updated_at: datetime
    stock_changed_at: datetime
    version: int

    @property
    def is_sold(self) -> bool:
        """Whether no unit is left."""
        return self.stock == 0

    def with_changes(self, *, at: datetime, **changes: Any) -> "Product":
        """Return the next version of the product, with these fields changed."""
        return replace(self, updated_at=at, version=self.version + 1, **changes)


def product_document(product: Product) -> dict[str, Any]:
    """Build the JSON document of a product; a `ProductDocument` in a list is made from its record, and is the same."""
    return {
        "id": product.id,
        "sku": product.sku,
        "name": product.name,
        "description": product.description,
        "category": product.category,
        "company": product.company,
        "date_manufactured": product.date_manufactured,
        "price": str(product.price),
        "currency": product.price.currency,
        "stock": product.stock,
        "is_sold": product.is_sold,
        "created_at": product.created_at,
        "updated_at": product.updated_at,
        "stock_changed_at": product.stock_changed_at,
        "version": product.version,
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductQuery:
    """Filters and order of a list of products. Price bounds are inclusive, in ten-thousandths of the major unit.
    `words` are prefixes of words in name, company, category or SKU, all of which must match."""

    category: str | None = None
    company: str | None = None
    currency: str | None = None
    in_stock: bool | None = None
    min_price: int | None = None
    max_price: int | None = None
    words: frozenset[str] = frozenset()
    order: ProductOrder = ProductOrder.CREATED_AT
    descending: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Facet:
    """The name of a category or company, and the number of its products."""

    name: str
    count: int
