"""The users and products of a run: created for it, so that nothing of an earlier one is in the way."""

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

WRITE_TIMEOUT_S = 30.0
CUSTOMERS = 40
#: How many products have always enough stock, and how many hardly any; and the stock they begin with.
PLENTIFUL, SCARCE = 40, 20
PLENTIFUL_STOCK, SCARCE_STOCK = 1_000_000, 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A user with a token."""

    id: str
    token: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """The users and products of a run. `plentiful` and `scarce` are ids."""

    staff: Person
    customers: Sequence[Person]
    plentiful: Sequence[str]
    scarce: Sequence[str]

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


def set_up(configuration: Configuration) -> Stage:
    """Create every user and product. Raises StoreUnavailable."""
    with closing(Container(configuration)) as container:
        shop = container.shop
        staff = create_person(shop, Role.STAFF)
        customers = [create_person(shop) for _ in range(CUSTOMERS)]
        plentiful = [_product(shop, PLENTIFUL_STOCK) for _ in range(PLENTIFUL)]
        scarce = [_product(shop, SCARCE_STOCK) for _ in range(SCARCE)]
    return Stage(staff=staff, customers=customers, plentiful=plentiful, scarce=scarce)


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
