"""The users, products and vouchers of a run: created for it, so that nothing of an earlier one is in the way."""

import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from exactly_once.requests import WriteRequest
from shop.bootstrap import Configuration, Container
from shop.domain.callers import Role
from shop.domain.money import Money
from shop.domain.ports import Credentials, Shop
from shop.domain.products import Product
from shop.domain.users import User
from shop.domain.vouchers import VoucherKind, VoucherTerms
from shop.payments.fake import FakeProvider
from shop.services.vouchers import voucher_create

WRITE_TIMEOUT_S = 30.0
CUSTOMERS = 40
#: How many products have always enough stock, and how many hardly any; and the stock they begin with.
PLENTIFUL, SCARCE = 40, 20
PLENTIFUL_STOCK, SCARCE_STOCK = 1_000_000, 6
#: How many vouchers a few customers together have redeemed soon, and how often; and how often a customer has the last.
SHARED_VOUCHERS, SHARED_LIMIT, PERSONAL_LIMIT = 20, 2, 1
#: What a voucher takes off, in basis points.
DISCOUNT = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A user with a token."""

    id: str
    token: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """The users, products and vouchers of a run. `plentiful` and `scarce` are ids, `vouchers` codes. With `has_guests`
    carts of guests are bought, as no limit counts for their network. With `takes_payments` purchases are paid by the
    fake provider, whose webhooks `provider` signs; None where its secret is not known."""

    staff: Person
    customers: Sequence[Person]
    plentiful: Sequence[str]
    scarce: Sequence[str]
    vouchers: Sequence[str] = ()
    has_guests: bool = False
    takes_payments: bool = False
    provider: FakeProvider | None = None

    @property
    def products(self) -> Sequence[str]:
        return [*self.plentiful, *self.scarce]


def create_person(shop: Shop, role: Role = Role.CUSTOMER) -> Person:
    """Create a user with a token, below HTTP, so that hundreds cost no password hashing."""
    now = shop.clock.now()
    user = User(
        id=shop.ids.new(now),
        email=f"{uuid.uuid4().hex}@example.com",
        first_name="Ada",
        last_name="Byron",
        role=role,
        created_at=now,
        updated_at=now,
        version=1,
    )
    shop.users.register(write_request(), user, "!")
    secret = shop.secrets.make_token()
    checked = Credentials(user=user, password_hash="!")
    digest, sealed = shop.secrets.digest(secret), shop.secrets.seal(secret)
    shop.users.issue_token(write_request(), checked, digest, now, now + timedelta(hours=12), sealed)
    return Person(id=user.id, token=secret)


def write_request() -> WriteRequest:
    """A request under a new id."""
    id = uuid.uuid4().hex
    return WriteRequest(id=id, idempotency_key=id, fingerprint=id, ttl_s=600, deadline=monotonic() + WRITE_TIMEOUT_S)


def set_up(configuration: Configuration, *, has_guests: bool = False) -> Stage:
    """Create every user, product and voucher. Purchases are paid where the configuration has the fake provider.

    Raises StoreUnavailable."""
    with closing(Container(configuration)) as container:
        shop = container.shop
        staff = create_person(shop, Role.STAFF)
        customers = [create_person(shop) for _ in range(CUSTOMERS)]
        plentiful = [_product(shop, PLENTIFUL_STOCK) for _ in range(PLENTIFUL)]
        scarce = [_product(shop, SCARCE_STOCK) for _ in range(SCARCE)]
        vouchers = [_voucher(shop, limit=SHARED_LIMIT) for _ in range(SHARED_VOUCHERS)]
        vouchers.append(_voucher(shop, limit_per_customer=PERSONAL_LIMIT))
        provider = shop.providers.get(FakeProvider.name)
    return Stage(
        staff=staff,
        customers=customers,
        plentiful=plentiful,
        scarce=scarce,
        vouchers=vouchers,
        has_guests=has_guests,
        takes_payments=provider is not None,
        provider=provider if isinstance(provider, FakeProvider) else None,
    )


def voucher_code() -> str:
    """One that no other run on the same store makes."""
    return f"CHAOS-{uuid.uuid4().hex[:20]}".upper()


def _voucher(shop: Shop, limit: int | None = None, limit_per_customer: int | None = None) -> str:
    terms = VoucherTerms(kind=VoucherKind.PERCENT, value=DISCOUNT, limit=limit, limit_per_customer=limit_per_customer)
    return voucher_create(shop=shop, request=write_request(), code=voucher_code(), terms=terms).value.code


def _product(shop: Shop, stock: int) -> str:
    now = shop.clock.now()
    product = Product(
        id=shop.ids.new(now),
        sku=uuid.uuid4().hex,
        name="Green tea",
        description="",
        category="Tea",
        company="Garden",
        date_manufactured=None,
        price=Money(minor=420, currency="EUR"),
        stock=stock,
        created_at=now,
        updated_at=now,
        stock_changed_at=now,
        version=1,
    )
    return shop.products.create(write_request(), product).value.id
