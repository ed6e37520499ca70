"""Carts: what somebody is about to buy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.money import Money

MAX_LINES = 100
#: Carts of one user; the one that was changed longest ago makes room.
MAX_CARTS = 10
#: After its last change a cart is there for so long.
LIFETIME = timedelta(days=30)
MAX_HOLD = timedelta(minutes=30)


class CartProblem(StrEnum):
    """What stands between a cart and its purchase."""

    EMPTY = "empty"
    PRODUCT_GONE = "product-gone"
    PRICE_CHANGED = "price-changed"
    INSUFFICIENT_STOCK = "insufficient-stock"


@dataclass(frozen=True, kw_only=True, slots=True)
class CartLine:
    """So many units of a product, at the price at which it was put there, and what the product is now. `unit_price` is
    None, and there is no name, where the product is gone. `available` are the units that the cart could have."""

    product: str
    quantity: int
    seen_price: Money
    sku: str = ""
    name: str = ""
    unit_price: Money | None = None
    available: int = 0

    @property
    def problem(self) -> CartProblem | None:
        """What is wrong with the line; the gravest, where there is more."""
        if self.unit_price is None:
            return CartProblem.PRODUCT_GONE
        if self.available < self.quantity:
            return CartProblem.INSUFFICIENT_STOCK
        return CartProblem.PRICE_CHANGED if self.unit_price != self.seen_price else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cart:
    """A cart. `owner` is None for a guest's. `hold_ends_at` is None where it holds nothing now; `purchase` is what it
    became, once it was bought."""

    id: str
    owner: str | None
    currency: str
    lines: Sequence[CartLine]
    email: str
    hold_ends_at: datetime | None
    purchase: str | None
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def expires_at(self) -> datetime:
        return self.updated_at + LIFETIME

    @property
    def items_total(self) -> Money:
        """What the lines cost now, without those whose product is gone."""
        priced = [(line.unit_price, line.quantity) for line in self.lines if line.unit_price]
        return Money(minor=sum(price.minor * units for price, units in priced), currency=self.currency)

    def problems(self) -> Iterator[tuple[int | None, CartProblem]]:
        """Yield the place of each line that has a problem, from 0; None for the cart itself."""
        if not self.lines:
            yield None, CartProblem.EMPTY
        for place, line in enumerate(self.lines):
            if line.problem:
                yield place, line.problem


@dataclass(frozen=True, kw_only=True, slots=True)
class CartCaller:
    """Who asks for a cart: a user, or a guest with the digest of a cart's token."""

    user: str = ""
    token: str = ""


class CartRepository(Protocol):
    """Carts. Writes as in UserRepository, with the version of the cart as their outcome: prices and stocks are read
    anew for each answer. Every one but `create` also raises NotFound where the cart is not the
    caller's, and CartPurchased where it has been bought. Reads are linearizable."""

    def create(self, request: WriteRequest, cart: Cart, token: str) -> WriteResult[None]:
        """Store a cart; `token` is the digest of a guest's token."""
        ...

    def get(self, id: str, caller: CartCaller) -> Cart:
        """Raises: NotFound."""
        ...

    def set_line(
        self, request: WriteRequest, id: str, caller: CartCaller, product: str, quantity: int, at: datetime
    ) -> WriteResult[int]:
        """Put so many units of the product into the cart, at its present price; 0 takes the line out. A hold ends.

        Raises: UnknownProduct, CurrencyMismatch, TooManyLines."""
        ...

    def hold(
        self, request: WriteRequest, id: str, caller: CartCaller, duration: timedelta, at: datetime
    ) -> WriteResult[int]:
        """Hold the units of all lines for so long, or none of them.

        Raises: InsufficientStock with every short line, CartEmpty, TooManyHolds."""
        ...

    def release(self, request: WriteRequest, id: str, caller: CartCaller, at: datetime) -> WriteResult[int]:
        """End the hold, if there is one."""
        ...

    def delete(self, request: WriteRequest, id: str, caller: CartCaller) -> WriteResult[None]:
        """Take the cart away, with its hold."""
        ...
