"""The audit over HTTP, and that every operation of the access table is recorded as its row says."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from shop.api.access import ACCESS, Audited, Reauthentication
from shop.api.access_document import UrlOperation, url_operations
from shop.api.login import FORM
from shop.api.office_access import OFFICE
from shop.domain.audit import AuditKeys, network_of
from shop.domain.callers import Scope
from shop.domain.ports import Shop
from shop.domain.transfers import Direction
from shop.domain.users import User
from shop.repositories.audit import MAX_FAILURES_OF_NETWORK
from tests.fakes import FakeMailer, FakeStore
from tests.samples import (
    PASSWORD,
    a_delivery,
    a_payment,
    a_product,
    a_request,
    a_return,
    a_transfer,
    an_api_key,
    at_home,
    issued,
    offered,
    placed,
    registered,
    signed_in,
    units,
)
from tests.unit.api.client import ApiClient, errors, problem

OPERATIONS = {operation.name: operation for operation in url_operations()}
#: Operations that change something and are recorded elsewhere: a purchase has a history, a user an instant of creation.
NOT_AUDITED = {"purchases_create", "users_create", "users_confirm", "registration_post", "auth_password_reset"}
#: A cart is what somebody may buy: nothing is owed yet.
NOT_AUDITED |= {name for name, each in OPERATIONS.items() if name.startswith("carts_") and each.method != "GET"}
#: What a provider reports is no deed of a caller.
NOT_AUDITED |= {"payments_refresh", "payments_webhooks"}
#: Those that nobody signed in calls.
BY_MAIL = ("auth_password_reset_confirm", "password-reset_post")
NEW_PASSWORD = "another long walk home"
ADDRESS = {"name": "Ada Byron", "line_1": "12 St James's Square", "city": "London", "country": "GB"}
#: A body with which each audited operation succeeds.
BODIES: dict[str, dict[str, Any]] = {
    "products_update": {"name": "Pear", "price": "2.00", "currency": "EUR"},
    "products_partial_update": {"name": "Pear"},
    "products_stock": {"delta": 1, "reason": "counted"},
    "purchases_refund": {"restock": True},
    "purchases_begin_payment": {"provider": "fake"},
    "purchases_refunds": {"reason": "Bruised"},
    "returns_receive": {"restock": True},
    "vouchers_create": {"code": "TEN", "kind": "percent", "value": "10"},
    "vouchers_update": {"kind": "shipping"},
    "vouchers_partial_update": {"limit": 5},
    "shipping_methods_create": {"code": "express", "name": "Express", "price": "9.90", "currency": "EUR"},
    "shipping_methods_update": {"name": "Express", "price": "9.90", "currency": "EUR"},
    "shipping_methods_partial_update": {"name": "Express"},
    "addresses_create": ADDRESS,
    "addresses_update": ADDRESS,
    "addresses_partial_update": {"city": "Turin"},
    "users_update": {"email": "eve@example.com", "current_password": PASSWORD},
    "users_partial_update": {"first_name": "Eve"},
    "users_destroy": {"current_password": PASSWORD},
    "users_role": {"role": "staff", "current_password": PASSWORD},
    "users_password": {"current": PASSWORD, "new": NEW_PASSWORD},
    "api_keys_create": {
        "name": "Machine",
        "scopes": ["stock:write"],
        "expires_at": "2027-01-01T00:00:00Z",
        "current_password": PASSWORD,
    },
    "api_keys_roll": {"current_password": PASSWORD},
    "webhook_endpoints_create": {"url": "https://hooks.example/"},
    "webhook_endpoints_partial_update": {"is_enabled": False},
    "exports_create": {"kind": "products"},
    "auth_token": {"email": "boss@example.com", "password": PASSWORD},
}
#: Transitions that come before the one that is tested.
BEFORE = {
    "purchases_ship": ["pay"],
    "purchases_deliver": ["pay", "ship"],
    "purchases_refund": ["pay"],
    "purchases_refunds": ["pay"],
    "purchases_request_return": ["pay", "ship"],
    "returns_receive": ["approve"],
}
#: A page of the back office records what the operation of the API does, see tests/unit/office.
AUDITED = [name for name, row in ACCESS.items() if row.audited is not Audited.NEVER and name not in OFFICE]
REAUTHENTICATED = [
    name for name, row in ACCESS.items() if row.reauthentication is not Reauthentication.NEVER and name not in OFFICE
]


class Stage:
    """What the operations are done to."""

    def __init__(self, shop: Shop, boss: User) -> None:
        self.boss = boss
        self.apple = a_product(shop, sku="APPLE")
        shop.products.create(a_request(), self.apple)
        self.ada = registered(shop, email="ada@example.com")
        self.purchase = placed(shop, self.ada.id, units(self.apple, 1))
        bought = placed(shop, self.ada.id, units(self.apple, 1))
        self.returned = a_return(shop, bought)
        self.key = an_api_key(shop, Scope.STOCK_WRITE).key
        self.other_session = shop.users.sessions(signed_in(shop, boss), shop.clock.now())[0]
        self.endpoint, self.delivery = a_delivery(shop)
        self.ids = {
            "products": self.apple.id,
            "purchases": self.purchase.id,
            "returns": self.returned.id,
            "payments": a_payment(shop, placed(shop, self.ada.id, units(self.apple, 1))).id,
            "users": self.ada.id,
            "vouchers": issued(shop).code,
            "shipping": offered(shop).code,
            "addresses": at_home(shop, boss).id,
            "api": self.key.id,
            "auth": self.other_session.id,
            "webhook": self.endpoint,
            "deliveries": self.delivery,
            "imports": a_transfer(shop, Direction.IMPORT),
            "exports": a_transfer(shop, Direction.EXPORT),
        }


def send_by_form(name: str, staff_token: str) -> int:
    """Sign in or out as a browser does."""
    client = Client()
    client.cookies["evergreen_token"] = staff_token
    if name == "logout_post":
        return client.post("/api/logout/", "sent=1", content_type=FORM).status_code
    return client.post("/api/login/", f"email=boss@example.com&password={PASSWORD}", content_type=FORM).status_code


def send(operation: UrlOperation, stage: Stage, staff: ApiClient) -> int:
    path = operation.path.removeprefix("/api/v1").format(pk=stage.ids.get(operation.name.partition("_")[0], ""))
    body = BODIES.get(operation.name)
    if operation.name == "purchases_request_return":
        body = {"lines": [{"product": stage.apple.id, "quantity": 1}], "reason": "Too green."}
    if operation.name == "products_create":
        body = {"sku": "PEAR", "name": "Pear", "price": "2.00", "currency": "EUR"}
    if operation.name == "imports_create":
        file = b"sku,stock\nAPPLE,1\n"
        return staff.send("POST", f"{path}?kind=stock", file, Content_Type="text/csv").status_code
    return staff.send(operation.method, path, body, Idempotency_Key="one").status_code


def test_every_operation_that_changes_something_is_audited():
    writes = {operation.name for operation in OPERATIONS.values() if operation.method != "GET"} - set(OFFICE)
    assert writes - set(AUDITED) - {"login_get"} == NOT_AUDITED
    assert set(AUDITED) <= writes


@pytest.mark.parametrize("name", [name for name in AUDITED if name not in BY_MAIL])
def test_an_audited_operation_of_staff_has_one_entry_that_names_it(
    name: str, shop: Shop, store: FakeStore, boss: User, staff: ApiClient
):
    stage = Stage(shop, boss)
    kind = name.partition("_")[0]
    for step in BEFORE.get(name, []):
        assert staff.post(f"/{kind}/{stage.ids[kind]}/{step}/").status_code == 200
    token = staff._headers["Authorization"].removeprefix("Bearer ")
    store.audit.clear()
    is_form = name in ("login_post", "logout_post")
    status = send_by_form(name, token) if is_form else send(OPERATIONS[name], stage, staff)
    assert status < 400
    (entry,) = store.audit
    assert (entry.operation, entry.actor, entry.role, entry.network) == (name, boss.id, "staff", "127.0.0.0/24")


@pytest.mark.parametrize("name", BY_MAIL)
def test_a_password_that_is_set_by_a_mail_has_one_entry_that_names_the_user(
    name: str, anyone: ApiClient, ada: User, store: FakeStore, mailer: FakeMailer
):
    mailer.is_on = True
    anyone.post("/auth/password-reset/", {"email": ada.email})
    token = mailer.sent[-1].text.partition("#")[2].split()[0]
    store.audit.clear()
    if name in OPERATIONS and OPERATIONS[name].path.startswith("/api/v1"):
        anyone.post("/auth/password-reset/confirm/", {"token": token, "new_password": NEW_PASSWORD})
    else:
        body = urlencode({"token": token, "new_password": NEW_PASSWORD})
        Client().post("/api/password-reset/", body, content_type=FORM)
    (entry,) = store.audit
    assert (entry.operation, entry.actor, entry.object) == (name, "anonymous", f"user:{ada.id}")


def test_customers_purchases_and_registrations_are_not_recorded(
    anyone: ApiClient, customer: ApiClient, store: FakeStore, apple: Any
):
    store.audit.clear()
    person = {"email": "eve@example.com", "password": NEW_PASSWORD, "first_name": "", "last_name": ""}
    assert anyone.post("/users/", person).status_code == 201
    purchase = customer.post("/purchases/", {"items": [{"product": apple.id, "quantity": 1}]}).json()
    assert customer.post(f"/purchases/{purchase['id']}/cancel/").status_code == 200
    assert store.audit == []


def test_a_refused_operation_is_not_recorded(staff: ApiClient, store: FakeStore, apple: Any):
    store.audit.clear()
    body = {"delta": -1000, "reason": "counted"}
    assert problem(staff.post(f"/products/{apple.id}/stock/", body)) == (409, "insufficient-stock")
    assert store.audit == []


def test_a_repeat_is_not_recorded_again(staff: ApiClient, store: FakeStore, apple: Any):
    store.audit.clear()
    for _ in range(2):
        body = {"delta": 1, "reason": "counted"}
        assert staff.post(f"/products/{apple.id}/stock/", body, Idempotency_Key="one").status_code == 200
    assert len(store.audit) == 1


def test_failed_sign_ins_are_recorded_with_the_user_or_the_hash_of_the_address(
    anyone: ApiClient, ada: User, shop: Shop, store: FakeStore
):
    for email in (ada.email, "Unknown@Example.com"):
        anyone.post("/auth/token/", {"email": email, "password": "wrong horse"})
    hash = AuditKeys(shop.idempotency.value()).email_hash("unknown@example.com")
    assert [(e.operation, e.actor, e.object) for e in store.audit] == [
        ("sign_in_failure", "anonymous", f"user:{ada.id}"),
        ("sign_in_failure", "anonymous", f"email:{hash}"),
    ]


@pytest.mark.parametrize("name", REAUTHENTICATED)
def test_a_wrong_password_beside_a_token_is_recorded_as_a_failed_sign_in_of_the_user(
    name: str, shop: Shop, store: FakeStore, boss: User, staff: ApiClient, monkeypatch: pytest.MonkeyPatch
):
    stage = Stage(shop, boss)
    body = BODIES[name] | {"email": "eve@example.com"} if name == "users_partial_update" else BODIES[name]
    field = "current" if name == "users_password" else "current_password"
    monkeypatch.setitem(BODIES, name, {**body, field: "wrong horse"})
    store.audit.clear()
    assert send(OPERATIONS[name], stage, staff) == 400
    (entry,) = store.audit
    assert (entry.operation, entry.actor, entry.role) == ("sign_in_failure", boss.id, "staff")
    assert entry.object == f"user:{boss.id}"


def test_a_flood_of_failed_sign_ins_is_counted_and_not_recorded(anyone: ApiClient, store: FakeStore):
    for number in range(MAX_FAILURES_OF_NETWORK + 5):
        # Of one account, the limit of its attempts would end them.
        response = anyone.post("/auth/token/", {"email": f"{number}@example.com", "password": "wrong horse"})
        assert problem(response) == (401, "invalid-credentials")
    assert len(store.audit) == MAX_FAILURES_OF_NETWORK


def test_a_key_acts_under_its_own_id(shop: Shop, store: FakeStore, apple: Any):
    issued = an_api_key(shop, Scope.STOCK_WRITE)
    machine = ApiClient({"Authorization": f"Bearer {issued.secret}"})
    store.audit.clear()
    machine.post(f"/products/{apple.id}/stock/", {"delta": 1, "reason": "counted"})
    (entry,) = store.audit
    assert (entry.actor, entry.role) == (issued.key.id, "api-key")


def test_nothing_personal_is_in_the_entries(
    anyone: ApiClient, ada: User, boss: User, staff: ApiClient, store: FakeStore
):
    customer = anyone.signed_in(ada)
    body = {
        "first_name": "Evelyn",
        "last_name": "Plantagenet",
        "email": "new@example.com",
        "current_password": PASSWORD,
    }
    assert customer.patch(f"/users/{ada.id}/", body).status_code == 200
    anyone.post("/auth/token/", {"email": "secret@example.com", "password": "wrong horse"})
    assert staff.delete(f"/users/{ada.id}/", {"current_password": PASSWORD}).status_code == 204
    text = json.dumps([str(entry) for entry in store.audit])
    planted = ("Evelyn", "Plantagenet", "example.com", ada.first_name, ada.last_name, PASSWORD, "127.0.0.1", "wrong")
    assert [value for value in planted if value in text] == []


def test_staff_and_keys_with_the_scope_list_the_entries(shop: Shop, staff: ApiClient, customer: ApiClient, boss: User):
    issued = an_api_key(shop, Scope.AUDIT_READ)
    machine = ApiClient({"Authorization": f"Bearer {issued.secret}"})
    found = staff.get("/audit/").json()["results"]
    assert machine.get("/audit/").json()["results"] == found
    assert [(entry["operation"], entry["object"]) for entry in found][-1] == ("auth_token", f"user:{boss.id}")
    assert problem(customer.get("/audit/")) == (403, "forbidden")


def test_the_list_is_filtered_and_paged(staff: ApiClient, customer: ApiClient, ada: User, apple: Any):
    for _ in range(3):
        staff.post(f"/products/{apple.id}/stock/", {"delta": 1, "reason": "counted"})
    first = staff.get("/audit/?operation=products_stock&page_size=2").json()
    assert len(first["results"]) == 2
    rest = staff.get("/audit/" + first["next"].partition("/audit/")[2]).json()
    assert len(rest["results"]) == 1
    assert len(staff.get(f"/audit/?actor={ada.id}").json()["results"]) == 1
    assert len(staff.get(f"/audit/?object=product:{apple.id}").json()["results"]) == 3
    at = first["results"][0]["at"]
    assert len(staff.get(f"/audit/?since={at}").json()["results"]) == 1
    assert staff.get(f"/audit/?until={at}").json()["results"][0]["sequence"] < first["results"][0]["sequence"]


def test_an_unusable_filter_is_refused(staff: ApiClient):
    assert errors(staff.get("/audit/?since=yesterday")) == [("since", "invalid")]
    assert errors(staff.get("/audit/?until=2026-13-01T00:00:00Z")) == [("until", "invalid")]
    assert errors(staff.get("/audit/?who=me")) == [("who", "unknown-field")]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("nowhere", "unknown"),
    ],
)
def test_an_address_is_recorded_as_its_network(address: str, network: str):
    assert network_of(address) == network
