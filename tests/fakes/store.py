"""What the fake repositories share: their tables."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from exactly_once.errors import Unavailable
from exactly_once.journal import Change, JournalEntry, StoredEntry
from exactly_once.requests import WriteRequest, WriteResult
from exactly_once.testing import FakeStore as EngineStore
from shop.domain.accounts import PendingRegistration
from shop.domain.addresses import Address
from shop.domain.api_keys import ApiKeyCredentials
from shop.domain.audit import AuditEntry
from shop.domain.callers import Caller
from shop.domain.carts import Cart
from shop.domain.events import Event, EventType
from shop.domain.movements import Movement
from shop.domain.payments import Payment
from shop.domain.products import Product
from shop.domain.purchases import Purchase
from shop.domain.returns import Return
from shop.domain.shipping_methods import ShippingMethod
from shop.domain.users import User
from shop.domain.vouchers import Voucher
from shop.repositories.audit import read_entry

T = TypeVar("T")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def each(write: Callable[..., WriteResult[T]], many: Iterable[tuple[Any, ...]]) -> Sequence[WriteResult[T] | Exception]:
    """The outcomes of many writes; an error takes its place among them instead of being raised."""
    return [_done_or_refused(write, one) for one in many]


def _done_or_refused(write: Callable[..., WriteResult[T]], one: tuple[Any, ...]) -> WriteResult[T] | Exception:
    try:
        return write(*one)
    except Unavailable:
        raise
    except Exception as error:
        return error


@dataclass(kw_only=True)
class FakeToken:
    """A token of a user. Once it is revoked: by which request, and for whom it stood until then."""

    user: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    revoked_by: str = ""
    stood_for: Caller | None = None


@dataclass
class FakeStore(EngineStore):
    """Tables by id, on the engine's fake store."""

    users: dict[str, User] = field(default_factory=dict)
    password_hashes: dict[str, str] = field(default_factory=dict)
    #: Of each user, digests of networks with the instant of the last sign-in.
    networks: dict[str, dict[str, datetime]] = field(default_factory=dict)
    tokens: dict[str, FakeToken] = field(default_factory=dict)
    tokens_not_before: datetime = _LONG_AGO
    #: Digests of the tokens for a new password, by user, and when they expire.
    resets: dict[str, dict[str, datetime]] = field(default_factory=dict)
    #: Unconfirmed registrations by the locator of their address and the digest of their token.
    registrations: dict[str, dict[str, PendingRegistration]] = field(default_factory=dict)
    api_keys: dict[str, ApiKeyCredentials] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    withdrawn: dict[str, Product] = field(default_factory=dict)
    #: Of each product that has moved, in order.
    movements: dict[str, list[Movement]] = field(default_factory=dict)
    purchases: dict[str, Purchase] = field(default_factory=dict)
    #: Of each purchase, units by product that went back into stock.
    restocked: dict[str, dict[str, int]] = field(default_factory=dict)
    returns: dict[str, Return] = field(default_factory=dict)
    #: Entries of the audit, in order; each has an object and changes from the write that made it.
    audit: list[AuditEntry] = field(default_factory=list)
    sign_in_failures: Counter[str] = field(default_factory=Counter)
    #: Carts with the digests of their tokens, and holds: units by product and cart, and when they end.
    carts: dict[str, tuple[Cart, str]] = field(default_factory=dict)
    holds: dict[str, dict[str, tuple[int, datetime]]] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    #: When payments are to be checked; which of them is captured and counted; of each purchase the one that paid it.
    due: dict[str, datetime] = field(default_factory=dict)
    settled_payments: set[str] = field(default_factory=set)
    #: Payment -> amounts of its refunds that failed after they had succeeded.
    reversed_refunds: dict[str, dict[str, int]] = field(default_factory=dict)
    paying: dict[str, str] = field(default_factory=dict)
    provider_events: set[tuple[str, str]] = field(default_factory=set)
    #: Of each purchase that was made of a cart: the digest of a guest's token, and the request that placed it.
    guests: dict[str, str] = field(default_factory=dict)
    #: Purchases whose guests are forgotten.
    forgotten: set[str] = field(default_factory=set)
    placed_by: dict[str, str] = field(default_factory=dict)
    #: What erasing a user does to exports.
    drop_personal_exports: Callable[[], None] = lambda: None
    vouchers: dict[str, Voucher] = field(default_factory=dict)
    #: By the code of a voucher and its customer, how often they have redeemed it.
    redemptions: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: Of each cart of a guest, what stands for them among the customers of vouchers.
    guest_customers: dict[str, str] = field(default_factory=dict)
    #: Of each purchase that has redeemed a voucher and not given it back: id of the voucher, and the customer.
    redeemed: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: The same of each that has given it back.
    given_back: dict[str, tuple[str, str]] = field(default_factory=dict)
    shipping_methods: dict[str, ShippingMethod] = field(default_factory=dict)
    #: Addresses by user and id; `is_default` is False in each, `default_addresses` has the default's id.
    addresses: dict[str, dict[str, Address]] = field(default_factory=dict)
    default_addresses: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    _request_id: str = ""
    _noted: tuple[str, Sequence[Change]] = (":", ())
    #: Refusals by the day on which they were given.
    refusals: dict[datetime, Counter[tuple[int, str]]] = field(default_factory=dict)
    #: Erased users, and how many records are still to forget them.
    erasures: dict[str, int] = field(default_factory=dict)

    def held(self, product: str, but: str = "") -> int:
        """The units of the product that carts hold now, without those of one cart."""
        now, holds = datetime.now(UTC), self.holds.get(product, {})
        return sum(units for cart, (units, ends_at) in holds.items() if ends_at > now and cart != but)

    def emit(self, type: EventType, object: str, data: dict[str, Any]) -> None:
        """An event of the present write."""
        now = datetime.now(UTC).replace(microsecond=0)
        id = f"{int(now.timestamp() * 1000)}-{len(self.events)}"
        event = Event(id=id, type=type, at=now, object=object, data=data, request_id=self._request_id)
        self.events.append(event)

    def note(self, object: str, *changes: Change) -> None:
        """What the present write is done to, and what it changes, for the audit."""
        self._noted = (object, changes)

    def once(
        self, request: WriteRequest, effect: Callable[[], T], subject: Callable[[T], str] | None = None
    ) -> WriteResult[T]:
        def recorded() -> T:
            self._request_id = request.id
            value = effect()
            if request.journal:
                self._append(request.journal.entry(*self._noted))
            return value

        return super().once(request, recorded, subject)

    def _append(self, entry: JournalEntry) -> None:
        stored = StoredEntry(id="", sequence=len(self.audit) + 1, text=entry.text, seal=entry.seal, effect="", link="")
        read = read_entry(stored)
        assert read is not None
        self.audit.append(read)
