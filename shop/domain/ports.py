"""What the services need from the world: a clock, names, password hashing, and a store."""

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
    """Where instants come from."""

    def now(self) -> datetime:
        """This instant: UTC, in whole milliseconds."""
        ...


class Ids(Protocol):
    """Where names of new things come from."""

    def new(self, at: datetime) -> str:
        """A new UUIDv7; those of different milliseconds sort by `at`."""
        ...


class Passwords(Protocol):
    """How passwords are kept."""

    def weaknesses(self, password: str, *about: str) -> Sequence[FieldError]:
        """Why this password is too weak, at /password; nothing where it is not. `about`: words it must not resemble."""
        ...

    def hash(self, password: str) -> str:
        """What to keep instead of the password."""
        ...

    def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether this is the password that was kept. Where none was (None): False, in the same time."""
        ...


class TokenSecrets(Protocol):
    """What a token is, and what is kept of it."""

    def make(self, request: str, user: str) -> str:
        """The secret for this request and user: the same for every repeat, on every instance; nobody else's guess."""
        ...

    def token_digest(self, secret: str) -> str:
        """Under what name the store knows this secret; the way back cannot be gone."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """A user, and what is kept of their password."""

    user: User
    password_hash: str


class UserRepository(Protocol):
    """Users and their tokens. Every write takes effect once per `request.record`, whatever repeats it, and is
    acknowledged by the rule of the durability that is set; reads come from the primary while there is one.

    Raises (every method): StoreUnavailable; every write also OutcomeUnknown and IdempotencyKeyReused."""

    def get(self, id: str) -> User:
        """Raises: NotFound."""
        ...

    def page(self, search: str, size: int, position: Position | None) -> Page[User]:
        """Users whose email begins with `search`, newest first."""
        ...

    def credentials(self, email: str) -> Credentials | None:
        """What is needed to sign in, or None where nobody has this address."""
        ...

    def register(self, request: WriteRequest, user: User, password_hash: str) -> WriteResult[User]:
        """Raises: EmailTaken. Of any number at once with one address, one succeeds."""
        ...

    def register_all(self, users: Sequence[tuple[WriteRequest, User, str]]) -> Sequence[WriteResult[User] | Exception]:
        """As `register`, many at once; an error takes the place of its outcome."""
        ...

    def update(
        self, request: WriteRequest, id: str, change: Callable[[User], User], if_match: int | None
    ) -> WriteResult[User]:
        """Raises: NotFound, EmailTaken, PreconditionFailed, and what `change` raises."""
        ...

    def delete(self, request: WriteRequest, id: str, if_match: int | None) -> WriteResult[None]:
        """Erases the user, revokes their tokens, and makes their purchases nobody's.

        Raises: NotFound, LastStaff, PreconditionFailed."""
        ...

    def set_role(self, request: WriteRequest, id: str, role: Role, at: datetime) -> WriteResult[User]:
        """Raises: NotFound, LastStaff."""
        ...

    def set_password(
        self, request: WriteRequest, caller: Caller, hashed: Callable[[Credentials], str]
    ) -> WriteResult[None]:
        """Keeps what `hashed` makes of the present credentials; revokes every token but the caller's.

        Raises: NotFound, and what `hashed` raises."""
        ...

    def issue_token(
        self, request: WriteRequest, checked: Credentials, name: str, at: datetime, expires_at: datetime
    ) -> WriteResult[datetime]:
        """When the token of this request expires.

        Raises: NotFound where the user is gone, or has another password than was checked."""
        ...

    def caller(self, token: str, request_id: str) -> Caller | None:
        """Who the token of this name stands for, or None. One that this very request revoked still counts, so that a
        repeat finds its outcome."""
        ...

    def revoke_token(self, request: WriteRequest, caller: Caller) -> WriteResult[None]:
        """Revokes the caller's token."""
        ...

    def revoke_tokens(self, request: WriteRequest, caller: Caller) -> WriteResult[None]:
        """Revokes every token of the caller."""
        ...


class ProductRepository(Protocol):
    """Products and their stock. Writes as in UserRepository; reads come from replicas that have every write that this
    process has acknowledged, or else from the primary."""

    def get(self, id: str) -> Product:
        """Raises: NotFound."""
        ...

    def get_by_sku(self, sku: str) -> Product:
        """Raises: NotFound."""
        ...

    def page(self, query: ProductQuery, size: int, position: Position | None) -> Page[Product]:
        """The products of the query, in its order. A page holds still while others come and go."""
        ...

    def categories(self, size: int, position: Position | None) -> Page[Facet]:
        """The categories in use, by name."""
        ...

    def companies(self, size: int, position: Position | None) -> Page[Facet]:
        """The companies in use, by name."""
        ...

    def create(self, request: WriteRequest, product: Product) -> WriteResult[Product]:
        """Raises: SkuTaken. Of any number at once with one SKU, one succeeds."""
        ...

    def create_all(
        self, products: Sequence[tuple[WriteRequest, Product]]
    ) -> Sequence[WriteResult[Product] | Exception]:
        """As `create`, many at once; an error takes the place of its outcome."""
        ...

    def update(
        self, request: WriteRequest, id: str, change: Callable[[Product], Product], if_match: int | None
    ) -> WriteResult[Product]:
        """Raises: NotFound, PreconditionFailed, and what `change` raises."""
        ...

    def withdraw(self, request: WriteRequest, id: str, if_match: int | None) -> WriteResult[None]:
        """Takes the product out of the catalogue; purchases keep what they copied, and its SKU is free again.

        Raises: NotFound, PreconditionFailed."""
        ...

    def adjust_stock(self, request: WriteRequest, id: str, delta: int, expected: int | None) -> WriteResult[int]:
        """The stock afterwards, in units; never below 0.

        Raises: NotFound, InsufficientStock, StockChanged; Invalid where it would exceed what a stock can be."""
        ...


class PurchaseRepository(Protocol):
    """Purchases. Reads and writes as in UserRepository."""

    def get(self, id: str, owner: str | None) -> Purchase:
        """The purchase, if it is the owner's (None: whoever's).

        Raises: NotFound."""
        ...

    def page(self, query: PurchaseQuery, size: int, position: Position | None) -> Page[Purchase]:
        """The purchases of the query, in its order."""
        ...

    def sales(self, since: datetime) -> Sales:
        """How many purchases there are, and how many of them were placed at `since` or later; as reads of products."""
        ...

    def place(
        self, request: WriteRequest, id: str, user: str, lines: Sequence[Line], at: datetime
    ) -> WriteResult[Purchase]:
        """All lines or nothing, those of one product summed. Units are taken from stock at the instant at which the
        purchase comes to be.

        Raises: UnknownProduct, MixedCurrencies, InsufficientStock with every short line; Invalid where the total
        exceeds what money can be."""
        ...

    def place_all(
        self, purchases: Sequence[tuple[WriteRequest, str, str, Sequence[Line], datetime]]
    ) -> Sequence[WriteResult[Purchase] | Exception]:
        """As `place`, many at once; an error takes the place of its outcome."""
        ...

    def move(
        self, request: WriteRequest, id: str, target: Status, *, by: Caller, restock: bool, at: datetime
    ) -> WriteResult[Purchase]:
        """The purchase one step on; with `restock` its units are back in stock, once. Customers move their own.

        Raises: NotFound, InvalidTransition."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """Everything a use case may need."""

    clock: Clock
    ids: Ids
    passwords: Passwords
    secrets: TokenSecrets
    users: UserRepository
    products: ProductRepository
    purchases: PurchaseRepository
