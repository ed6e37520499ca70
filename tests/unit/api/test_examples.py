"""The examples of the OpenAPI document are carried out: each body is sent as it stands, and each call is one that the
shop accepts. Tokens of mails alone are taken from a mail."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from shop.api.examples import PASSWORD
from shop.domain.callers import Role
from shop.domain.ports import Shop
from tests.fakes import FakeMailer
from tests.samples import a_request, a_user
from tests.unit.api import schema
from tests.unit.api.client import ApiClient


def body_of(operation: str) -> dict[str, Any]:
    """The example of the body of an operation."""
    described = schema.operations()[operation].get("requestBody", {})
    return next((value for _, value in schema.examples(described)), {})


@dataclass
class World:
    """A shop, and what the examples before have made of it."""

    shop: Shop
    mailer: FakeMailer
    anyone: ApiClient

    @property
    def ada(self) -> ApiClient:
        token = self.send("POST", "/auth/token/", "auth_token")["token"]
        return ApiClient({"Authorization": f"Bearer {token}"})

    @property
    def boss(self) -> ApiClient:
        body = {"email": "boss@example.com", "password": PASSWORD}
        return ApiClient({"Authorization": f"Bearer {self.anyone.post('/auth/token/', body).json()['token']}"})

    def send(
        self, method: str, path: str, operation: str, client: ApiClient | None = None, **changes: Any
    ) -> dict[str, Any]:
        """Send the example of the operation; the answer must be the operation's success."""
        response = (client or self.anyone).send(method, path, {**body_of(operation), **changes})
        assert 200 <= response.status_code < 300, (operation, response.content)
        return response.json() if response.content else {}

    def registered(self) -> dict[str, Any]:
        return self.send("POST", "/users/", "users_create")

    def product(self) -> str:
        return f"/products/{self.send('POST', '/products/', 'products_create', self.boss)['id']}/"

    def purchase(self) -> str:
        self.registered()
        self.product()
        return f"/purchases/{self.send('POST', '/purchases/', 'purchases_create', self.ada)['id']}/"

    def api_key(self) -> str:
        return f"/api-keys/{self.send('POST', '/api-keys/', 'api_keys_create', self.boss)['id']}/"

    def webhook_endpoint(self) -> str:
        made = self.send("POST", "/webhook-endpoints/", "webhook_endpoints_create", self.boss)
        return f"/webhook-endpoints/{made['id']}/"

    def voucher(self) -> str:
        return f"/vouchers/{self.send('POST', '/vouchers/', 'vouchers_create', self.boss)['code']}/"

    def shipping_method(self) -> str:
        path = "/shipping-methods/"
        return f"{path}{self.send('POST', path, 'shipping_methods_create', self.boss)['code']}/"

    def address(self) -> str:
        self.registered()
        path = "/users/me/addresses/"
        return f"{path}{self.send('POST', path, 'addresses_create', self.ada)['id']}/"

    def cart(self) -> str:
        """A cart of Ada's with two apples, and its path."""
        self.registered()
        product = self.product().removeprefix("/products/")
        path = f"/carts/{self.send('POST', '/carts/', 'carts_create', self.ada)['id']}/"
        self.send("PUT", f"{path}lines/{product}", "carts_put_line", self.ada)
        return path

    def own_path(self) -> str:
        return f"/users/{self.registered()['id']}/"

    def mailed(self) -> str:
        return re.search(r"#(\S+)", self.mailer.sent[-1].text)[1]


def refund(world: World) -> None:
    purchase = world.purchase()
    assert world.boss.post(f"{purchase}pay/").status_code == 200
    assert world.send("POST", f"{purchase}refund/", "purchases_refund", world.boss)["status"] == "refunded"


def refund_amount(world: World) -> None:
    purchase = world.purchase()
    world.send("POST", f"{purchase}payments/", "purchases_begin_payment", world.ada)
    body = body_of("purchases_refunds")
    assert world.boss.post(f"{purchase}refunds/", body, Idempotency_Key="one").json()["amount"] == body["amount"]


def ship(world: World) -> str:
    """Ship the purchase of the examples, and return its path. The products of examples have other ids."""
    purchase = world.purchase()
    (item,) = world.ada.get(purchase).json()["items"]
    assert world.boss.post(f"{purchase}pay/").status_code == 200
    lines = [{"product": item["product"], "quantity": 1}]
    shipped = world.send("POST", f"{purchase}ship/", "purchases_ship", world.boss, lines=lines)
    assert (shipped["status"], shipped["shipments"][0]["lines"]) == ("partially_shipped", lines)
    return purchase


def receive_return(world: World) -> None:
    purchase = ship(world)
    lines = world.ada.get(purchase).json()["shipments"][0]["lines"]
    asked = world.send("POST", f"{purchase}returns/", "purchases_request_return", world.ada, lines=lines)
    path = f"/returns/{asked['id']}/"
    assert world.boss.post(f"{path}approve/").status_code == 200
    received = world.send("POST", f"{path}receive/", "returns_receive", world.boss, lines=lines)
    assert (received["status"], received["received"]) == ("received", lines)


def confirm_registration(world: World) -> None:
    world.mailer.is_on = True
    world.registered()
    world.send("POST", "/users/confirm/", "users_confirm", token=world.mailed())


def reset_password(world: World) -> None:
    world.registered()
    world.mailer.is_on = True
    world.send("POST", "/auth/password-reset/", "auth_password_reset")
    world.send("POST", "/auth/password-reset/confirm/", "auth_password_reset_confirm", token=world.mailed())


def change_own(method: str, operation: str) -> Callable[[World], Any]:
    def change(world: World) -> None:
        path = world.own_path()
        world.send(method, path, operation, world.ada)

    return change


def set_role(world: World) -> None:
    assert world.send("POST", f"{world.own_path()}role/", "users_role", world.boss)["role"] == "staff"


def change_password(world: World) -> None:
    world.registered()
    world.send("POST", "/users/me/password/", "users_password", world.ada)


def hold_cart(world: World) -> None:
    world.send("PUT", f"{world.cart()}hold/", "carts_hold", world.ada)


def change_cart(world: World) -> None:
    world.send("POST", "/shipping-methods/", "shipping_methods_create", world.boss, code="standard", active=True)
    world.send("PATCH", world.cart(), "carts_partial_update", world.ada)


def put_voucher(world: World) -> None:
    # The cart of the examples costs less than the voucher's minimum.
    world.send("POST", "/vouchers/", "vouchers_create", world.boss, minimum=None)
    world.send("PUT", f"{world.cart()}voucher/", "carts_put_voucher", world.ada)


#: Of each operation that takes a body: the calls that carry out its example.
CALLS: dict[str, Callable[[World], Any]] = {
    "users_create": World.registered,
    "users_confirm": confirm_registration,
    "users_update": change_own("PUT", "users_update"),
    "users_partial_update": change_own("PATCH", "users_partial_update"),
    "users_destroy": change_own("DELETE", "users_destroy"),
    "users_role": set_role,
    "users_password": change_password,
    "auth_token": lambda world: (world.registered(), world.ada),
    "auth_password_reset": reset_password,
    "auth_password_reset_confirm": reset_password,
    "products_create": World.product,
    "products_update": lambda world: world.send("PUT", world.product(), "products_update", world.boss),
    "products_partial_update": lambda world: world.send(
        "PATCH", world.product(), "products_partial_update", world.boss
    ),
    "products_stock": lambda world: world.send("POST", f"{world.product()}stock/", "products_stock", world.boss),
    "purchases_create": World.purchase,
    "purchases_refund": refund,
    "webhook_endpoints_create": World.webhook_endpoint,
    "webhook_endpoints_partial_update": lambda world: world.send(
        "PATCH", world.webhook_endpoint(), "webhook_endpoints_partial_update", world.boss
    ),
    "carts_create": World.cart,
    "carts_put_line": World.cart,
    "carts_hold": hold_cart,
    "carts_partial_update": change_cart,
    "carts_put_voucher": put_voucher,
    "vouchers_create": World.voucher,
    "vouchers_update": lambda world: world.send("PUT", world.voucher(), "vouchers_update", world.boss),
    "vouchers_partial_update": lambda world: world.send(
        "PATCH", world.voucher(), "vouchers_partial_update", world.boss
    ),
    "shipping_methods_create": World.shipping_method,
    "shipping_methods_update": lambda world: world.send(
        "PUT", world.shipping_method(), "shipping_methods_update", world.boss
    ),
    "shipping_methods_partial_update": lambda world: world.send(
        "PATCH", world.shipping_method(), "shipping_methods_partial_update", world.boss
    ),
    "addresses_create": World.address,
    "addresses_update": lambda world: world.send("PUT", world.address(), "addresses_update", world.ada),
    "addresses_partial_update": lambda world: world.send(
        "PATCH", world.address(), "addresses_partial_update", world.ada
    ),
    "purchases_begin_payment": refund_amount,
    "purchases_refunds": refund_amount,
    "purchases_ship": ship,
    "purchases_request_return": receive_return,
    "returns_receive": receive_return,
    "exports_create": lambda world: world.send("POST", "/exports/", "exports_create", world.boss),
    "api_keys_create": World.api_key,
    "api_keys_roll": lambda world: world.send("POST", f"{world.api_key()}roll/", "api_keys_roll", world.boss),
}


@pytest.fixture
def world(shop: Shop, mailer: FakeMailer, anyone: ApiClient) -> World:
    boss = a_user(shop, email="boss@example.com", role=Role.STAFF)
    shop.users.register(a_request(), boss, shop.passwords.hash(PASSWORD))
    return World(shop, mailer, anyone)


def is_of_fields(operation: dict[str, Any]) -> bool:
    """Whether the operation has a body, and that is no file."""
    return "application/json" in operation.get("requestBody", {}).get("content", {})


def test_every_body_with_fields_has_an_example():
    with_body = {name for name, each in schema.operations().items() if is_of_fields(each)}
    assert with_body == {name for name in with_body if body_of(name)} == set(CALLS)


@pytest.mark.parametrize("operation", sorted(CALLS))
def test_an_example_is_carried_out_as_it_stands(operation: str, world: World):
    call = CALLS[operation]
    call(world)


def test_the_example_of_a_purchase_is_answered_as_its_response_shows(world: World):
    purchase = world.purchase()
    found = world.boss.get(purchase).json()
    shown = next(value for _, value in schema.examples(schema.responses("purchases_create")["201"]))
    assert without_ids(found["items"]) == without_ids(shown["items"])
    assert (found["total"], found["status"]) == (shown["total"], shown["status"])


def without_ids(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in line.items() if name != "product"} for line in lines]
