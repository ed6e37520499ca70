"""Carts: what a user or a guest is about to buy, and units that are held for them meanwhile."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.addresses import PostalAddress
from shop.domain.cart_totals import CartShipping, CartVoucher, ShippingObstacle, Totals, totals_of
from shop.domain.money import Money
from shop.domain.pages import Page, Position
from shop.domain.vouchers import VoucherObstacle

MAX_LINES = 100
#: Carts of one user; the one that was changed longest ago makes room.
MAX_CARTS = 10
#: How long a cart is stored after its last change.
LIFETIME = timedelta(days=30)
#: The same of a guest's that has no lines: anyone may make many of them.
EMPTY_LIFETIME = timedelta(days=1)
#: Carts of all guests together; those that were changed longest ago make room.
MAX_GUEST_CARTS = 20_000
MAX_HOLD_MINUTES = 30
#: How long a hold may last from when it was taken, however often it is extended.
MAX_HOLD = timedelta(minutes=MAX_HOLD_MINUTES)
#: Carts that may hold one product at a time. lua/parts/holds.lua has the same figure.
MAX_HOLDS = 1000


class CartProblem(StrEnum):
    """What stands between a cart and its purchase."""

    EMPTY = "empty"
    EMAIL_MISSING = "email-missing"
    ADDRESS_MISSING = "address-missing"
    PRODUCT_GONE = "product-gone"
    CURRENCY_CHANGED = "currency-changed"
    INSUFFICIENT_STOCK = "insufficient-stock"
    PRICE_CHANGED = "price-changed"
    SHIPPING_UNAVAILABLE = ShippingObstacle.UNAVAILABLE.value
    SHIPPING_PRICE_CHANGED = ShippingObstacle.PRICE_CHANGED.value
    VOUCHER_NOT_APPLICABLE = "voucher-not-applicable"


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
        if self.unit_price.currency != self.seen_price.currency:
            return CartProblem.CURRENCY_CHANGED
        if self.available < self.quantity:
            return CartProblem.INSUFFICIENT_STOCK
        return CartProblem.PRICE_CHANGED if self.unit_price != self.seen_price else None

    @property
    def line_total(self) -> Money | None:
        """What the line costs now; None where its product is gone or in another currency."""
        if self.unit_price is None or self.unit_price.currency != self.seen_price.currency:
            return None
        return Money(minor=self.unit_price.minor * self.quantity, currency=self.unit_price.currency)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cart:
    """A cart. `owner` is None for a guest's. `shipping` is the method that has the code `shipping_method`.
    `hold_ends_at` is None where it holds nothing now; `purchase` is what it became, once it was bought."""

    id: str
    owner: str | None
    currency: str
    lines: Sequence[CartLine]
    email: str
    shipping_address: PostalAddress | None
    shipping_method: str
    hold_ends_at: datetime | None
    purchase: str | None
    created_at: datetime
    updated_at: datetime
    version: int
    shipping: CartShipping | None = None
    voucher: CartVoucher | None = None

    @property
    def expires_at(self) -> datetime:
        is_brief = self.owner is None and not self.lines
        return self.updated_at + (EMPTY_LIFETIME if is_brief else LIFETIME)

    @property
    def items_total(self) -> Money:
        """What the lines cost now, without those that have a price no more."""
        totals = [line.line_total for line in self.lines]
        return Money(minor=sum(total.minor for total in totals if total), currency=self.currency)

    @property
    def totals(self) -> Totals:
        """What the cart costs now: items that have no price and a voucher that does not apply count for nothing."""
        return totals_of(self.items_total, self.shipping, self.voucher)

    @property
    def shipping_obstacle(self) -> ShippingObstacle | None:
        """Why it cannot be sent by its shipping method."""
        country = self.shipping_address.country if self.shipping_address else None
        return self.shipping.obstacle(self.currency, country) if self.shipping else None

    @property
    def voucher_obstacle(self) -> VoucherObstacle | None:
        """Why its voucher does not apply."""
        return self.voucher.obstacle(self.items_total) if self.voucher else None

    def problems(self) -> Iterator[tuple[str, CartProblem]]:
        """Yield each problem with a JSON pointer to its place in the cart; empty for the cart as a whole."""
        if not self.lines:
            yield "", CartProblem.EMPTY
        if self.owner is None and not self.email:
            yield "/email", CartProblem.EMAIL_MISSING
        if self.shipping_method and self.shipping_address is None:
            yield "/shipping_address", CartProblem.ADDRESS_MISSING
        if obstacle := self.shipping_obstacle:
            yield "/shipping_method", CartProblem(obstacle.value)
        if self.voucher_obstacle:
            yield "/voucher", CartProblem.VOUCHER_NOT_APPLICABLE
        for place, line in enumerate(self.lines):
            if line.problem:
                yield f"/lines/{place}", line.problem


@dataclass(frozen=True, kw_only=True, slots=True)
class CartSummary:
    """A cart in a list of staff: `lines` is their number, the rest as in Cart."""

    id: str
    owner: str | None
    currency: str
    lines: int
    voucher: str
    hold_ends_at: datetime | None
    purchase: str | None
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CartCaller:
    """The caller of a cart: a user, or a guest with the digest of a cart's token, or a user with such a token."""

    user: str = ""
    token: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewCart:
    """A cart to make. A guest's has the digest of its token, and the token as the recorded outcome has it."""

    id: str
    owner: str
    currency: str
    token: str
    sealed_token: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CreatedCart:
    """The cart that a request made: a repeat of the request gets this one, whatever it brought along."""

    id: str
    sealed_token: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CartChange:
    """New values of a cart; None leaves one as it is. An empty text takes it away; `without_address` the address.
    `customer` is what stands for a guest with this email among the customers of vouchers."""

    email: str | None = None
    customer: str = ""
    shipping_address: PostalAddress | None = None
    without_address: bool = False
    shipping_method: str | None = None


class CartRepository(Protocol):
    """Carts. Writes as in UserRepository. Their outcome is the version of the cart: prices and stocks are read anew for
    each answer. Every method but `create` also raises NotFound where the cart is not the caller's, and every write but
    `create`, `release` and `delete` CartPurchased where it has been bought. Reads are linearizable."""

    def create(self, request: WriteRequest, cart: NewCart, at: datetime) -> WriteResult[CreatedCart]:
        """Store an empty cart. A user who has MAX_CARTS loses the one that was changed longest ago, and
        so do all guests together who have MAX_GUEST_CARTS.

        Raises: NotFound where the owner is erased."""
        ...

    def get(self, id: str, caller: CartCaller) -> Cart:
        """Raises: NotFound."""
        ...

    def inspect(self, id: str) -> Cart:
        """Return the cart, whose ever it is. Raises: NotFound."""
        ...

    def page(self, owner: str | None, size: int, position: Position | None) -> Page[CartSummary]:
        """List the carts of a user, None: of all guests, the one that was changed last first. One that changes
        meanwhile goes to the front. A page may have fewer than `size` of them and a next one still: some have
        expired."""
        ...

    def ids(self, owner: str) -> Sequence[str]:
        """List the ids of the user's carts, the one that was changed last first. One of them may have expired."""
        ...

    def set_line(
        self, request: WriteRequest, id: str, caller: CartCaller, product: str, quantity: int, at: datetime
    ) -> WriteResult[int]:
        """Put so many units of the product into the cart, at its present price; 0 takes the line out. A hold ends: it
        was of other lines.

        Raises: UnknownProduct, CurrencyMismatch, TooManyLines."""
        ...

    def update(
        self, request: WriteRequest, id: str, caller: CartCaller, change: CartChange, at: datetime
    ) -> WriteResult[int]:
        """Set email, address and shipping method.

        Raises: UnknownShippingMethod."""
        ...

    def set_voucher(
        self, request: WriteRequest, id: str, caller: CartCaller, code: str, at: datetime
    ) -> WriteResult[int]:
        """Put the voucher of this code into the cart; take it out where the code is empty.

        Raises: VoucherNotApplicable."""
        ...

    def hold(
        self, request: WriteRequest, id: str, caller: CartCaller, duration: timedelta, at: datetime
    ) -> WriteResult[int]:
        """Hold the units of all lines for so long, or none of them. A hold that the cart has makes room for this one,
        which ends MAX_HOLD after the first of them was taken at the latest.

        Raises: InsufficientStock with every short line, CartNotReady for an empty one, TooManyHolds."""
        ...

    def release(self, request: WriteRequest, id: str, caller: CartCaller, at: datetime) -> WriteResult[int]:
        """End the hold, if there is one."""
        ...

    def delete(self, request: WriteRequest, id: str, caller: CartCaller, at: datetime) -> WriteResult[None]:
        """Delete the cart, with its hold."""
        ...

    def claim(self, request: WriteRequest, id: str, caller: CartCaller, at: datetime) -> WriteResult[str]:
        """Make a guest's cart the user's: it goes into the open cart of its currency that they changed last, lines of
        one product summed, or becomes theirs. Its token ends. Return the id of the user's cart.

        Raises: TooManyLines."""
        ...
