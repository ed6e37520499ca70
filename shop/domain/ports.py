"""Ports: what the services need from outside - a clock, ids, password hashing, token secrets and repositories."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.callers import Caller, Role
from shop.domain.errors import FieldError
from shop.domain.pages import Page, Position
from shop.domain.products import Facet, Product, ProductQuery
from shop.domain.purchases import Line, Purchase, PurchaseQuery, Sales, Status
from shop.domain.users import User


class Clock(Protocol):
    """The source of instants."""

    def now(self) -> datetime:
        """Return the present instant: UTC, in whole milliseconds."""
        ...


class Ids(Protocol):
    """The source of ids."""

    def new(self, at: datetime) -> str:
        """Return a new UUIDv7. Ids of different milliseconds sort by `at`."""
        ...


class Passwords(Protocol):
    """Password validation and hashing."""

    def weaknesses(self, password: str, *about: str) -> Sequence[FieldError]:
        """Return what makes the password weak, at /password; empty for a strong one. It must not resemble `about`."""
        ...

    def hash(self, password: str) -> str:
        """Return the salted hash to store."""
        ...

    def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether the hash is of this password. False for None, in the same time."""
        ...


class TokenSecrets(Protocol):
    """Creation of token secrets, and the digest that is stored."""

    def make(self, request: str, user: str) -> str:
        """Derive the secret of this request and user: unguessable, and the same for a retry on any instance."""
        ...

    def token_digest(self, secret: str) -> str:
        """Return the SHA-256 digest of the secret; the store has only this."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """A user and the hash of the password."""

    user: User
    password_hash: str


class UserRepository(Protocol):
    """Users and their tokens. A write takes effect once for each `request.idempotency_key`, however often it is
    repeated, and is acknowledged as the configured durability requires. Reads are linearizable: from the primary.

    Raises (every method): StoreUnavailable; every write also OutcomeUnknown and IdempotencyKeyReused."""

    def get(self, id: str) -> User:
        """Raises: NotFound."""
        ...

    def page(self, search: str, size: int, position: Position | None) -> Page[User]:
        """List users whose email starts with `search`, newest first."""
        ...

    def credentials(self, email: str) -> Credentials | None:
        """Return the credentials of the user with this email, or None."""
        ...

    def register(self, request: WriteRequest, user: User, password_hash: str) -> WriteResult[User]:
        """Raises: EmailTaken. Of concurrent requests with one email, one succeeds."""
        ...

    def register_all(self, users: Sequence[tuple[WriteRequest, User, str]]) -> Sequence[WriteResult[User] | Exception]:
        """Register users in one round trip. An error takes the place of its result."""
        ...

    def update(
        self, request: WriteRequest, id: str, change: Callable[[User], User], if_match: int | None
    ) -> WriteResult[User]:
        """Raises: NotFound, EmailTaken, PreconditionFailed, and what `change` raises."""
        ...

    def delete(self, request: WriteRequest, id: str, if_match: int | None) -> WriteResult[None]:
        """Erase the user, revoke the tokens, and make the purchases anonymous.

        Raises: NotFound, LastStaff, PreconditionFailed."""
        ...

    def set_role(self, request: WriteRequest, id: str, role: Role, at: datetime) -> WriteResult[User]:
        """Raises: NotFound, LastStaff."""
        ...

    def set_password(
        self, request: WriteRequest, caller: Caller, hashed: Callable[[Credentials], str]
    ) -> WriteResult[None]:
        """Store the hash that `hashed` makes of the present credentials; revoke every token but the caller's.

        Raises: NotFound, and what `hashed` raises."""
        ...

    def issue_token(
        self, request: WriteRequest, checked: Credentials, name: str, at: datetime, expires_at: datetime
    ) -> WriteResult[datetime]:
        """Store a token, and return when it expires; a retry returns the first expiry.

        Raises: NotFound where the user is gone, or the password is not the one in `checked`."""
        ...

    def caller(self, token: str, request_id: str) -> Caller | None:
        """Return the user of the token with this digest, or None. A token that this same request revoked still counts,
        so that a retry gets its outcome."""
        ...

    def revoke_token(self, request: WriteRequest, caller: Caller) -> WriteResult[None]:
        """Revoke the caller's token."""
        ...

    def revoke_tokens(self, request: WriteRequest, caller: Caller) -> WriteResult[None]:
        """Revoke all tokens of the caller."""
        ...


class ProductRepository(Protocol):
    """Products and their stock. Writes as in UserRepository. Reads are causal: from replicas that have every write that
    this process has acknowledged (read-your-writes), or else from the primary."""

    def get(self, id: str) -> Product:
        """Raises: NotFound."""
        ...

    def get_by_sku(self, sku: str) -> Product:
        """Raises: NotFound."""
        ...

    def page(self, query: ProductQuery, size: int, position: Position | None) -> Page[Product]:
        """List the products of the query. A page stays stable while products are created and withdrawn."""
        ...

    def categories(self, size: int, position: Position | None) -> Page[Facet]:
        """List the categories in use, by name."""
        ...

    def companies(self, size: int, position: Position | None) -> Page[Facet]:
        """List the companies in use, by name."""
        ...

    def create(self, request: WriteRequest, product: Product) -> WriteResult[Product]:
        """Raises: SkuTaken. Of concurrent requests with one SKU, one succeeds."""
        ...

    def create_all(
        self, products: Sequence[tuple[WriteRequest, Product]]
    ) -> Sequence[WriteResult[Product] | Exception]:
        """Create products in one round trip. An error takes the place of its result."""
        ...

    def update(
        self, request: WriteRequest, id: str, change: Callable[[Product], Product], if_match: int | None
    ) -> WriteResult[Product]:
        """Raises: NotFound, PreconditionFailed, and what `change` raises."""
        ...

    def withdraw(self, request: WriteRequest, id: str, if_match: int | None) -> WriteResult[None]:
        """Withdraw the product and free its SKU. Purchases retain their copy of name and price.

        Raises: NotFound, PreconditionFailed."""
        ...

    def adjust_stock(self, request: WriteRequest, id: str, delta: int, expected: int | None) -> WriteResult[int]:
        """Add `delta` and return the stock afterwards, in units; never below 0.

        Raises: NotFound, InsufficientStock, StockChanged; Invalid where it would exceed MAX_UNITS."""
        ...


class PurchaseRepository(Protocol):
    """Purchases. Reads and writes as in UserRepository."""

    def get(self, id: str, owner: str | None) -> Purchase:
        """Return the purchase of this owner (None: of any).

        Raises: NotFound."""
        ...

    def page(self, query: PurchaseQuery, size: int, position: Position | None) -> Page[Purchase]:
        """List the purchases of the query."""
        ...

    def sales(self, since: datetime) -> Sales:
        """Count all purchases, and those placed at `since` or later. A causal read."""
        ...

    def place(
        self, request: WriteRequest, id: str, user: str, lines: Sequence[Line], at: datetime
    ) -> WriteResult[Purchase]:
        """Place a purchase of all lines or none, those of one product summed. Stock and purchase change atomically.

        Raises: UnknownProduct, MixedCurrencies, InsufficientStock with every short line; Invalid where the total
        has more than MAX_DIGITS digits."""
        ...

    def place_all(
        self, purchases: Sequence[tuple[WriteRequest, str, str, Sequence[Line], datetime]]
    ) -> Sequence[WriteResult[Purchase] | Exception]:
        """Place purchases in one round trip. An error takes the place of its result."""
        ...

    def move(
        self, request: WriteRequest, id: str, target: Status, *, by: Caller, restock: bool, at: datetime
    ) -> WriteResult[Purchase]:
        """Make a transition; with `restock` the units return to stock, once. Customers have access to their own.

        Raises: NotFound, InvalidTransition."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """The ports of a shop, which every service gets."""

    clock: Clock
    ids: Ids
    passwords: Passwords
    secrets: TokenSecrets
    users: UserRepository
    products: ProductRepository
    purchases: PurchaseRepository
