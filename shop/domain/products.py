"""Products: what the shop sells."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from shop.domain.money import Money

MAX_UNITS = 2**31 - 1


class ProductOrder(StrEnum):
    """What a catalogue can be ordered by; ties keep the order of creation."""

    CREATED_AT = "created_at"
    PRICE = "price"
    NAME = "name"


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """Something for sale. `stock` counts units and changes with every sale; `version` counts edits, from 1."""

    id: str
    sku: str
    name: str
    description: str
    category: str
    company: str
    date_manufactured: date | None
    price: Money
    stock: int
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def is_sold(self) -> bool:
        """Whether no unit is left."""
        return self.stock == 0

    def edited(self, *, at: datetime, **changes: object) -> "Product":
        """The next version, with these fields changed."""
        return replace(self, updated_at=at, version=self.version + 1, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductQuery:
    """Which products, in which order. Prices are in ten-thousandths of the major unit, both ends included; `words`
    are beginnings of words in name, company, category or SKU, and every one of them must be found."""

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
    """A category's or company's name, and how many products have it."""

    name: str
    count: int
