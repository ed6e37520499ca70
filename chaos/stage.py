"""Who buys and what is sold: made for one run, so that nothing of an earlier one is in the way."""

import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from time import time

from exactly_once.requests import WriteRequest
from shop.bootstrap import Configuration, Container
from shop.domain.callers import Role
from shop.domain.money import Money
from shop.domain.ports import Credentials, Shop
from shop.domain.products import Product
from shop.domain.users import User

PATIENCE = 30.0
CUSTOMERS = 40
#: Products of which there is always enough, and such of which there is hardly any.
PLENTIFUL, SCARCE = 40, 20
PLENTY, HARDLY_ANY = 1_000_000, 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody who is signed in."""

    id: str
    token: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """The people and the products of a run. `plentiful` and `scarce` are ids."""

    staff: Person
    customers: Sequence[Person]
    plentiful: Sequence[str]
    scarce: Sequence[str]

    @property
    def products(self) -> Sequence[str]:
        return [*self.plentiful, *self.scarce]


def signed_in(shop: Shop, role: Role = Role.CUSTOMER) -> Person:
    """A new user with a token. Made below HTTP, so that hundreds cost no password hashing."""
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
    secret = shop.secrets.make(uuid.uuid4().hex, user.id)
    checked = Credentials(user=user, password_hash="!")
    shop.users.issue_token(write_request(), checked, shop.secrets.token_digest(secret), now, now + timedelta(hours=12))
    return Person(id=user.id, token=secret)


def write_request() -> WriteRequest:
    """A request that nobody else makes."""
    id = uuid.uuid4().hex
    return WriteRequest(id=id, idempotency_key=id, fingerprint=id, ttl_s=600, deadline=time() + PATIENCE)


def set_up(configuration: Configuration) -> Stage:
    """Makes everybody and everything. Raises StoreUnavailable."""
    with closing(Container(configuration)) as container:
        shop = container.shop
        staff = signed_in(shop, Role.STAFF)
        customers = [signed_in(shop) for _ in range(CUSTOMERS)]
        products = [_product(shop, PLENTY if place < PLENTIFUL else HARDLY_ANY) for place in range(PLENTIFUL + SCARCE)]
    return Stage(staff=staff, customers=customers, plentiful=products[:PLENTIFUL], scarce=products[PLENTIFUL:])


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
        version=1,
    )
    return shop.products.create(write_request(), product).value.id
