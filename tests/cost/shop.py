"""Operations and callers of the cost tests: requests that are served in this process."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, cycle
from typing import Any

import orjson

from shop.api.access import Identity
from shop.api.access_document import UrlOperation
from shop.bootstrap import Container
from shop.domain.addresses import MAX_ADDRESSES
from shop.domain.api_keys import MAX_API_KEYS
from shop.domain.callers import Caller, Role
from shop.domain.countries import COUNTRIES
from shop.domain.ports import Shop
from shop.domain.purchases import Status
from shop.domain.shipping_methods import MAX_SHIPPING_METHODS
from shop.domain.users import User
from tests.cost.inputs import ANY_PRODUCT, FRESH, Input
from tests.cost.meter import Cost, Meter, lowest_cost
from tests.cost.store import CATEGORY, COMPANY, NAME, Contents
from tests.fakes.surroundings import FakePasswords
from tests.samples import (
    FAR_AWAY,
    PASSWORD,
    a_request,
    an_api_key,
    at_home,
    in_catalogue,
    issued,
    known,
    offered,
    placed,
    registered,
    units,
)

#: Operations after which their caller is gone, or has no token.
LEAVING = frozenset({"users_destroy", "users_password", "auth_logout", "auth_logout_all", "auth_session"})
#: What a purchase must have gone through before these.
STATUSES_BEFORE: Mapping[str, Sequence[Status]] = {
    "ship": (Status.PAID,),
    "deliver": (Status.PAID, Status.SHIPPED),
    "refund": (Status.PAID,),
}
_LONG_NAME = "\u00e9" * 200
_PRODUCT = {
    "name": NAME,
    "company": COMPANY,
    "category": CATEGORY,
    "description": "\u00e9" * 10_000,
    "date_manufactured": "2026-11-01",
    "price": "9999999999.99",
    "currency": "EUR",
}
_USER = {"email": f"{FRESH}@example.com", "first_name": _LONG_NAME, "last_name": _LONG_NAME}
_PURCHASE = {"items": [{"product": ANY_PRODUCT, "quantity": 1}] * 100}
_METHOD = {"name": _LONG_NAME, "price": "4.90", "currency": "EUR", "countries": sorted(COUNTRIES)}
_ADDRESS = {"name": _LONG_NAME, "line_1": _LONG_NAME, "city": _LONG_NAME, "country": "DE"}
#: The costliest body of each operation that it accepts.
BODIES: Mapping[str, Mapping[str, Any]] = {
    "products_create": {"sku": f"{FRESH}-{'q' * 40}", **_PRODUCT, "stock": 10},
    "products_update": _PRODUCT,
    "products_partial_update": _PRODUCT,
    "products_stock": {"delta": 1, "reason": "\u00e9" * 500},
    "purchases_create": _PURCHASE,
    "purchases_refund": {"restock": True},
    "users_create": {**_USER, "password": PASSWORD},
    "users_update": {**_USER, "current_password": PASSWORD},
    "users_partial_update": {**_USER, "current_password": PASSWORD},
    "users_password": {"current": PASSWORD, "new": "a new and longer one"},
    "users_destroy": {"current_password": PASSWORD},
    "users_role": {"role": "customer", "current_password": PASSWORD},
    "vouchers_create": {"code": f"{FRESH}-ten", "kind": "percent", "value": "10"},
    "vouchers_update": {"kind": "percent", "value": "10"},
    "vouchers_partial_update": {"value": "10"},
    "shipping_methods_create": {**_METHOD, "code": FRESH},
    "shipping_methods_update": _METHOD,
    "shipping_methods_partial_update": _METHOD,
    "addresses_create": _ADDRESS,
    "addresses_update": _ADDRESS,
    "addresses_partial_update": _ADDRESS,
    "api_keys_create": {
        "name": "a",
        "scopes": ["stock:write"],
        "networks": [],
        "expires_at": "2027-05-01T00:00:00Z",
        "current_password": PASSWORD,
    },
    "api_keys_roll": {"overlap_hours": 1, "current_password": PASSWORD},
    "auth_token": {"email": "unknown@example.com", "password": PASSWORD},
    "login_post": {"email": "unknown@example.com", "password": PASSWORD},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """An operation, and who calls it."""

    operation: UrlOperation
    identity: Identity

    def __str__(self) -> str:
        return f"{self.operation.name}-{self.identity}"


def without_hashing(container: Container) -> Shop:
    """The container's shop, whose passwords cost nothing: hashing is meant to be costly, and has a queue of its own."""
    return replace(container.shop, passwords=FakePasswords())


class CostlyShop:
    """Sends inputs to the operations of a shop, and measures what they cost."""

    def __init__(self, shop: Shop, contents: Contents, meter: Meter) -> None:
        self._shop = shop
        self._contents = contents
        self._meter = meter
        self._numbers: Iterator[int] = count(1)
        self._products = cycle(product.id for product in contents.products)
        self._tokens = {Identity.ANONYMOUS: "", **{each: self._token(user) for each, user in self._users().items()}}
        self._ids: dict[str, str] = {}

    def cost(self, case: Case, given: Input, repeats: int) -> Cost:
        """The lowest cost of this input."""
        return lowest_cost(lambda: self._send(case, given), repeats)

    def _send(self, case: Case, given: Input) -> Cost:
        caller = self._caller(case)
        path = self._path(case, caller)
        token = self._tokens[case.identity] if caller is None else self._token(caller)
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        return self._meter.measure(
            case.operation.method,
            f"{path}?{given.query}" if given.query else path,
            self._filled_in(given.body),
            given.content_type,
            {**dict(given.headers), **authorization},
        )

    def _filled_in(self, body: bytes) -> bytes:
        body = body.replace(FRESH.encode(), b"f%d" % next(self._numbers))
        *parts, last = body.split(ANY_PRODUCT.encode())
        return b"".join(part + next(self._products).encode() for part in parts) + last

    def _users(self) -> Mapping[Identity, User]:
        return {Identity.CUSTOMER: self._contents.customer, Identity.STAFF: self._contents.staff}

    def _caller(self, case: Case) -> User | None:
        """Register a user for one request alone; None where the caller stays."""
        if case.operation.name not in LEAVING or case.identity is Identity.ANONYMOUS:
            return None
        return registered(self._shop, role=self._users()[case.identity].role)

    def _token(self, user: User) -> str:
        token, now = self._shop.secrets.make_token(), self._shop.clock.now()
        digest = self._shop.secrets.digest(token)
        self._shop.users.issue_token(a_request(), known(self._shop, user), digest, now, FAR_AWAY, "sealed")
        return token

    def _path(self, case: Case, caller: User | None) -> str:
        first = self._contents.products[0]
        names = {"code": "not-found", "sku": first.sku, "product": first.id, "provider": "fake"}
        if "pk" in case.operation.parameters:
            names["pk"] = self._id(case, caller)
        return case.operation.path.format(**names)

    def _id(self, case: Case, caller: User | None) -> str:
        """The id of what the operation is about. What it ends or moves is made for it."""
        kind, _, action = case.operation.name.partition("_")
        shop, products = self._shop, self._contents.products
        if kind == "products":
            return in_catalogue(shop, name=NAME, company=COMPANY).id if action == "destroy" else products[0].id
        if kind == "purchases":
            return self._once(action, self._purchase) if action == "retrieve" else self._purchase(action)
        if kind == "api":
            is_new = action == "keys_destroy"
            return self._api_key() if is_new else self._once("key", self._api_key)
        if kind == "vouchers":
            return issued(shop).code if action == "destroy" else self._once(kind, lambda: issued(shop).code)
        if kind == "shipping":
            is_new = action == "methods_destroy"
            return self._shipping_method() if is_new else self._once(kind, self._shipping_method)
        if kind == "addresses":
            # Each caller has their own.
            owner = self._users().get(case.identity, self._contents.customer)
            is_new, address = action == "destroy", partial(self._address, owner)
            return address() if is_new else self._once(f"{kind} of {owner.id}", address)
        if kind == "users" and action == "role":
            return self._once("user", lambda: registered(shop).id)
        return (caller or self._contents.customer).id

    def _api_key(self) -> str:
        # A search makes keys too, and there may be no more than so many. The newest are of no case.
        newest = self._shop.api_keys.page(MAX_API_KEYS, None).results
        for key in newest[: max(len(newest) - MAX_API_KEYS // 2, 0)]:
            self._shop.api_keys.revoke(a_request(), key.id)
        return an_api_key(self._shop).key.id

    def _shipping_method(self) -> str:
        # As API keys.
        methods = self._shop.shipping_methods.page(MAX_SHIPPING_METHODS, None).results
        for method in methods[: max(len(methods) - MAX_SHIPPING_METHODS // 2, 0)]:
            self._shop.shipping_methods.delete(a_request(), method.code, None)
        return offered(self._shop).code

    def _address(self, user: User) -> str:
        addresses = self._shop.addresses.page(user.id, MAX_ADDRESSES, None).results
        for address in addresses[: max(len(addresses) - MAX_ADDRESSES // 2, 0)]:
            self._shop.addresses.delete(a_request(), user.id, address.id, None)
        return at_home(self._shop, user).id

    def _purchase(self, action: str = "retrieve") -> str:
        """A purchase of as many lines as there may be, of which this action is the next step."""
        shop, lines = self._shop, [units(product, 1) for product in self._contents.products]
        id = placed(shop, self._contents.customer.id, *lines).id
        for status in STATUSES_BEFORE.get(action, ()):
            by = Caller(id=self._contents.staff.id, role=Role.STAFF, token="")
            shop.purchases.move(a_request(), id, status, by=by, restock=False, at=shop.clock.now())
        return id

    def _once(self, name: str, make: Callable[[], str]) -> str:
        """The id of what is made the first time that it is asked for."""
        if name not in self._ids:
            self._ids[name] = make()
        return self._ids[name]


def costliest_input(operation: UrlOperation) -> Input:
    """The costliest input that the operation accepts, as far as it is known."""
    body = BODIES.get(operation.name)
    query = "page_size=100" if operation.name.endswith(("_list", "_categories", "_companies")) else ""
    return Input(query=query, body=b"" if body is None else orjson.dumps(body))
