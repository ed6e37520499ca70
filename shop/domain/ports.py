"""Ports: the repositories, and the shop that every service gets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from exactly_once.rate_limits import UNLIMITED, RateLimit
from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.accounts import AccountRepository
from shop.domain.addresses import AddressRepository
from shop.domain.api_keys import ApiKeyRepository
from shop.domain.audit_repository import AuditRepository
from shop.domain.batches import PurchaseBatches
from shop.domain.callers import Caller, Role
from shop.domain.carts import CartRepository
from shop.domain.checkouts import CheckoutRepository
from shop.domain.credentials import Credentials as Credentials
from shop.domain.erasures import ErasureStep, PendingErasures
from shop.domain.events import EventRepository
from shop.domain.figures import FigureRepository
from shop.domain.idempotency import IdempotencySecret
from shop.domain.mail import Mailer
from shop.domain.outcomes import OutcomeRepository
from shop.domain.pages import Page, Position
from shop.domain.payment_repository import PaymentRepository
from shop.domain.payments import PaymentProvider
from shop.domain.product_repository import ProductRepository as ProductRepository
from shop.domain.purchases import Line, Purchase, PurchaseQuery, Sales, Shipment, Status
from shop.domain.rate_limits import RateLimiter
from shop.domain.returns import ReturnRepository
from shop.domain.sessions import Session
from shop.domain.shipping_methods import ShippingMethodRepository
from shop.domain.surroundings import Clock, Ids, Passwords, Secrets
from shop.domain.transfers import TransferRepository
from shop.domain.users import StoredToken, User
from shop.domain.vouchers import VoucherRepository
from shop.domain.webhook_urls import WebhookPolicy
from shop.domain.webhooks import DeliveryRepository, EndpointRepository

#: Networks of one user that are remembered: of a phone, of a home, of an office, and some of journeys.
MAX_KNOWN_NETWORKS = 10


class UserRepository(OutcomeRepository, Protocol):
    """Users and their tokens. A write takes effect once for each `request.idempotency_key`, however often it is
    repeated, and is acknowledged as the configured durability requires. Reads are linearizable: from the primary.
    `confirm` runs first, unless the request has a recorded outcome, and what it raises is raised.

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

    def credentials_by_id(self, id: str) -> Credentials:
        """Raises: NotFound."""
        ...

    def register(self, request: WriteRequest, user: User, password_hash: str) -> WriteResult[User]:
        """Raises: EmailTaken. Of concurrent requests with one email, one succeeds."""
        ...

    def register_all(self, users: Sequence[tuple[WriteRequest, User, str]]) -> Sequence[WriteResult[User] | Exception]:
        """Register users in one round trip. An error takes the place of its result."""

    def update(
        self, request: WriteRequest, id: str, change: Callable[[User], User], if_match: int | None
    ) -> WriteResult[User]:
        """Raises: NotFound, EmailTaken, PreconditionFailed, and what `change` raises."""
        ...

    def delete(
        self, request: WriteRequest, id: str, if_match: int | None, confirm: Callable[[], None] | None = None
    ) -> WriteResult[None]:
        """Erase the user, revoke the tokens, and make the purchases anonymous: from now on no read shows the user.
        What is still stored about them is a pending erasure, which `continue_erasure` completes.

        Raises: NotFound, LastStaff, PreconditionFailed."""
        ...

    def pending_erasures(self, max_users: int) -> PendingErasures:
        """Count the erasures that have begun and are not complete, and list the first `max_users` of them."""
        ...

    def continue_erasure(self, request: WriteRequest, id: str) -> WriteResult[ErasureStep]:
        """Erase the next records about this erased user, a bounded number. Harmless at any time."""
        ...

    def set_role(
        self, request: WriteRequest, id: str, role: Role, at: datetime, confirm: Callable[[], None] | None = None
    ) -> WriteResult[User]:
        """Raises: NotFound, LastStaff."""
        ...

    def set_password(
        self, request: WriteRequest, caller: Caller, hashed: Callable[[Credentials], str]
    ) -> WriteResult[None]:
        """Store the hash that `hashed` makes of the present credentials; revoke every token but the caller's.

        Raises: NotFound, and what `hashed` raises."""
        ...

    def issue_token(
        self,
        request: WriteRequest,
        checked: Credentials,
        digest: str,
        at: datetime,
        expires_at: datetime,
        sealed: str,
        new_hash: str = "",
        network: str = "",
    ) -> WriteResult[StoredToken]:
        """Store a token; a retry returns the expiry and the sealed secret of the first try. Beyond MAX_LIVE_TOKENS the
        user's oldest tokens end. A `new_hash` replaces the hash in `checked`. The digest of a network is remembered.

        Raises: NotFound where the user is gone, or the password is not the one in `checked`."""
        ...

    def caller(self, token: str, request_id: str, limit: RateLimit = UNLIMITED) -> Caller | None:
        """Return the user of the token with this digest, or None. A token that this same request revoked still counts,
        so that a retry gets its outcome. The call is charged to the user's share of the limit.

        Raises: RateLimited."""
        ...

    def record_token_use(self, request: WriteRequest, token: str, at: datetime) -> WriteResult[None]:
        """Record when the token with this digest was used; nothing where it is revoked."""
        ...

    def sessions(self, caller: Caller, at: datetime) -> Sequence[Session]:
        """List the caller's tokens that are live at this instant, the one that expires last first."""
        ...

    def revoke_session(self, request: WriteRequest, caller: Caller, id: str, at: datetime) -> WriteResult[None]:
        """Revoke the caller's token whose session has this id.

        Raises: NotFound."""
        ...

    def revoke_token(self, request: WriteRequest, caller: Caller) -> WriteResult[None]:
        """Revoke the caller's token."""
        ...

    def revoke_tokens(self, request: WriteRequest, caller: Caller) -> WriteResult[None]:
        """Revoke all tokens of the caller."""
        ...

    def revoke_every_token(self, request: WriteRequest, at: datetime) -> WriteResult[None]:
        """Revoke the tokens of every user that were issued before this instant."""
        ...


class PurchaseRepository(PurchaseBatches, Protocol):
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

        Raises: TooManyOpenPurchases, UnknownProduct, MixedCurrencies, InsufficientStock with every short line; Invalid
        where the total has more than MAX_DIGITS digits."""
        ...

    def move(
        self, request: WriteRequest, id: str, target: Status, *, by: Caller, restock: bool, at: datetime
    ) -> WriteResult[Purchase]:
        """Make a transition; with `restock` the units return to stock that have not yet. Customers have access to their
        own.

        Raises: NotFound, InvalidTransition."""
        ...

    def ship(self, request: WriteRequest, id: str, shipment: Shipment, *, by: Caller) -> WriteResult[Purchase]:
        """Record a shipment of units that have not been shipped; without lines, of all of these.

        Raises: NotFound, InvalidTransition, UnitsExceeded, TooManyShipments."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """The ports of a shop, which every service gets."""

    clock: Clock
    ids: Ids
    passwords: Passwords
    secrets: Secrets
    idempotency: IdempotencySecret
    mailer: Mailer
    users: UserRepository
    accounts: AccountRepository
    api_keys: ApiKeyRepository
    products: ProductRepository
    purchases: PurchaseRepository
    returns: ReturnRepository
    carts: CartRepository
    checkouts: CheckoutRepository
    vouchers: VoucherRepository
    shipping_methods: ShippingMethodRepository
    addresses: AddressRepository
    figures: FigureRepository
    rates: RateLimiter
    audit: AuditRepository
    events: EventRepository
    endpoints: EndpointRepository
    deliveries: DeliveryRepository
    transfers: TransferRepository
    webhook_policy: WebhookPolicy
    payments: PaymentRepository
    #: The payment providers of the shop by their names.
    providers: Mapping[str, PaymentProvider]
