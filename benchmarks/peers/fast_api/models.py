"""The bodies of requests and responses, as pydantic models."""

from collections.abc import Sequence
from datetime import date, datetime

from pydantic import BaseModel, Field

MAX_ITEMS = 100


class Product(BaseModel):
    id: str
    sku: str
    name: str
    description: str
    category: str
    company: str
    date_manufactured: date | None
    price: str
    currency: str
    stock: int
    is_sold: bool
    created_at: datetime
    updated_at: datetime
    version: int


class ProductPage(BaseModel):
    next: str | None
    results: Sequence[Product]


class Item(BaseModel):
    product: str
    quantity: int = Field(ge=1)


class NewPurchase(BaseModel):
    items: list[Item] = Field(min_length=1, max_length=MAX_ITEMS)


class Purchase(BaseModel):
    id: str
    user: str
    status: str
    items: Sequence[Item]
    total: str
    created_at: datetime
