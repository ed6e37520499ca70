"""The stored fields of a shipping method."""

from typing import Any

from shop.domain.money import Money
from shop.domain.shipping_methods import ShippingMethod
from shop.repositories.records.fields import Field, Table, moment, whole


def _method(values: dict[str, Any]) -> ShippingMethod:
    price = Money(minor=values.pop("price"), currency=values.pop("currency"))
    return ShippingMethod(price=price, **values)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SHIPPING_METHOD = Table(
    Field(name="code"),
    Field(name="name"),
    whole("price", value=lambda method: method.price.minor),
    Field(name="currency", value=lambda method: method.price.currency),
    Field(name="countries", encode=" ".join, decode=_words),
    Field(name="is_active", encode=int, decode=lambda text: text == "1"),
    moment("created_at"),
    moment("updated_at"),
    whole("version"),
    make=_method,
)
