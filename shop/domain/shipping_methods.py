"""Shipping methods: how a purchase may be sent, and what that costs."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.money import Money
from shop.domain.pages import Page, Position

#: Lower-case words, as a client may have them in its own code.
CODE_PATTERN = "[a-z0-9][a-z0-9_-]{0,31}"
MAX_SHIPPING_METHODS = 100
#: As many as there are.
MAX_COUNTRIES = 249


@dataclass(frozen=True, kw_only=True, slots=True)
class ShippingMethodDetails:
    """What staff set. `countries` are those that it reaches; with none, every one."""

    name: str
    price: Money
    countries: tuple[str, ...]
    is_active: bool

    def values(self) -> dict[str, Any]:
        """Each of these fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(ShippingMethodDetails)}


@dataclass(frozen=True, kw_only=True, slots=True)
class ShippingMethod(ShippingMethodDetails):
    """A shipping method. Purchases copy its code and price; `version` counts edits, from 1."""

    code: str
    created_at: datetime
    updated_at: datetime
    version: int

    def reaches(self, country: str) -> bool:
        """Whether it may be chosen for an address in this country."""
        return self.is_active and (not self.countries or country in self.countries)

    def with_changes(self, *, at: datetime, **changes: Any) -> "ShippingMethod":
        """Return the next version of the shipping method, with these fields changed."""
        return replace(self, updated_at=at, version=self.version + 1, **changes)


class ShippingMethodRepository(Protocol):
    """Shipping methods. Writes as in ports.UserRepository; reads as in ports.ProductRepository."""

    def get(self, code: str) -> ShippingMethod:
        """Raises: NotFound."""
        ...

    def page(self, size: int, position: Position | None) -> Page[ShippingMethod]:
        """List the shipping methods, by code."""
        ...

    def create(self, request: WriteRequest, method: ShippingMethod) -> WriteResult[ShippingMethod]:
        """Raises: ShippingMethodTaken, TooManyShippingMethods."""
        ...

    def update(
        self,
        request: WriteRequest,
        code: str,
        change: Callable[[ShippingMethod], ShippingMethod],
        if_match: int | None,
    ) -> WriteResult[ShippingMethod]:
        """Raises: NotFound, PreconditionFailed, and what `change` raises."""
        ...

    def delete(self, request: WriteRequest, code: str, if_match: int | None) -> WriteResult[None]:
        """Raises: NotFound, PreconditionFailed."""
        ...
