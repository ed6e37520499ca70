"""The access table: every operation with every kind of caller."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from django.test import Client
from rest_framework.exceptions import NotFound

from operations import bootstrap as operations_bootstrap
from shop import bootstrap
from shop.api import access as access_table
from shop.api.access import ACCESS, Access, Identity, admit
from shop.api.access_document import UrlOperation, document, url_operations
from shop.api.office_access import OFFICE
from shop.domain.callers import Caller, Role, Scope
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.transfers import Direction
from shop.domain.users import User
from tests.architecture.sources import ROOT
from tests.cart_samples import a_cart
from tests.fakes import FakeMailer
from tests.samples import (
    PASSWORD,
    a_delivery,
    a_payment,
    a_request,
    a_return,
    a_status_snapshot,
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
from tests.unit.api import schema

OPERATIONS = url_operations()
#: What a caller sends as authorization.
Headers = Mapping[str, str]


@pytest.fixture(autouse=True)
def answering_store(monkeypatch: pytest.MonkeyPatch, mailer: FakeMailer) -> None:
    # Without mail, what a mail confirms is not found.
    mailer.is_on = True
    monkeypatch.setattr(bootstrap, "read_fault", lambda: "")
    monkeypatch.setattr(bootstrap, "topology_report", lambda: a_status_snapshot().topology)
    monkeypatch.setattr(operations_bootstrap, "status_snapshot", a_status_snapshot)


def bearer(user: User) -> Headers:
    credentials = {"email": user.email, "password": PASSWORD}
    response = Client().post("/api/v1/auth/token/", credentials, content_type="application/json")
    return {"Authorization": f"Bearer {response.json()['token']}"}


def key_with(shop: Shop, *scopes: Scope) -> Headers:
    """The authorization of a machine with these scopes."""
    return {"Authorization": f"Bearer {an_api_key(shop, *scopes).secret}"}


def revoked_key(shop: Shop, ada: User, boss: User) -> Headers:
    issued = an_api_key(shop, *Scope)
    shop.api_keys.revoke(a_request(), issued.key.id)
    return {"Authorization": f"Bearer {issued.secret}"}


def session_of(shop: Shop, user: User) -> str:
    """The id of a session of this user."""
    (session,) = shop.users.sessions(signed_in(shop, user), shop.clock.now())
    return session.id


def revoked(shop: Shop, ada: User, boss: User) -> Headers:
    headers = bearer(ada)
    assert Client().post("/api/v1/auth/logout/", {}, "application/json", headers=headers).status_code == 204
    return headers


REVOKED = ("revoked token", "revoked key")
CALLERS: dict[str, Callable[[Shop, User, User], Headers]] = {
    "anonymous": lambda shop, ada, boss: {},
    "customer": lambda shop, ada, boss: bearer(ada),
    "other customer": lambda shop, ada, boss: bearer(registered(shop)),
    "staff": lambda shop, ada, boss: bearer(boss),
    "revoked token": revoked,
    "revoked key": revoked_key,
}
#: A machine with the scope of the operation alone, and one with every other scope: where that is refused, no scope but
#: the one of its row admits to the operation.
WITH_SCOPE, WITHOUT_SCOPE = "key with the scope", "key with every other scope"
KEYS = (WITH_SCOPE, WITHOUT_SCOPE)


def headers_of(who: str, scope: Scope | None, shop: Shop, ada: User, boss: User) -> Headers:
    """What this caller of an operation with this scope sends."""
    if who in CALLERS:
        return CALLERS[who](shop, ada, boss)
    return key_with(shop, *(each for each in Scope if (each == scope) == (who == WITH_SCOPE)))


def callers_of(operation: UrlOperation) -> Sequence[str]:
    return [*CALLERS, *(KEYS if ACCESS[operation.name].scope else [WITHOUT_SCOPE])]


def expected(operation: UrlOperation, access: Access, who: str) -> int | str:
    """The status with which the caller is refused, or "admitted"."""
    if access.is_public and (not access.recognizes_users or who not in (*REVOKED, *KEYS)):
        return "admitted"
    if who in ("anonymous", *REVOKED):
        return 401
    if who in KEYS:
        return "admitted" if who == WITH_SCOPE else 403
    if Identity(who.rpartition(" ")[2]) not in access.roles:
        return 403
    is_other = who == "other customer" or (access.is_private and who == "staff")
    return 404 if is_other and access.is_own and operation.parameters else "admitted"


#: Bodies of operations that look at the body before they look for the object.
BODIES = {
    "carts_hold": '{"minutes": 1}',
    "carts_put_line": '{"quantity": 1}',
    "carts_put_voucher": '{"code": "NOTHING"}',
    "purchases_begin_payment": '{"provider": "fake"}',
    "addresses_update": '{"name": "Ada", "line_1": "1 Street", "city": "Turin", "country": "IT"}',
    "purchases_request_return": (
        '{"lines": [{"product": "01a196fb-1601-7000-8000-00000000dead", "quantity": 1}], "reason": "Too green."}'
    ),
}


def send(operation: UrlOperation, path: str, headers: Headers) -> Any:
    body = BODIES.get(operation.name, "{}") if operation.method in ("POST", "PUT", "PATCH") else ""
    return Client().generic(operation.method, path, body, content_type="application/json", headers=headers)


def path_of(operation: UrlOperation, ids: Mapping[str, str]) -> str:
    kind = operation.name.removeprefix("office-").replace("_", "-").partition("-")[0]
    return operation.path.format(
        pk=ids.get(kind, ""), sku="APPLE", code="not-found", product=ids["products"], provider="fake"
    )


@pytest.mark.parametrize(
    ("operation", "who"),
    [
        pytest.param(operation, who, id=f"{operation.name}-{who}")
        for operation in OPERATIONS
        for who in callers_of(operation)
    ],
)
def test_an_operation_admits_the_callers_of_its_row_and_no_others(
    operation: UrlOperation, who: str, shop: Shop, ada: User, boss: User, apple: Product
):
    session = session_of(shop, ada)
    endpoint, delivery = a_delivery(shop)
    purchase = placed(shop, ada.id, units(apple, 1))
    ids = {
        "auth": session,
        "users": ada.id,
        "products": apple.id,
        "purchases": purchase.id,
        "returns": a_return(shop, purchase).id,
        "payments": a_payment(shop, placed(shop, ada.id, units(apple, 1))).id,
        "carts": a_cart(shop, owner=ada.id).id,
        "api": an_api_key(shop).key.id,
        "webhook": endpoint,
        "deliveries": delivery,
        "vouchers": issued(shop).code,
        "shipping": offered(shop).code,
        "addresses": at_home(shop, ada).id,
        "imports": a_transfer(shop, Direction.IMPORT),
        "exports": a_transfer(shop, Direction.EXPORT),
    }
    headers = headers_of(who, ACCESS[operation.name].scope, shop, ada, boss)
    response = send(operation, path_of(operation, ids), headers)
    answer = response.status_code if response.status_code in (401, 403, 404, 500) else "admitted"
    assert answer == expected(operation, ACCESS[operation.name], who)


@pytest.mark.parametrize("who", [*CALLERS, *KEYS])
@pytest.mark.parametrize("path", ["/healthz", "/status/"])
def test_a_public_summary_is_complete_for_staff_and_keys_with_the_scope(
    path: str, who: str, shop: Shop, ada: User, boss: User
):
    body = Client().get(path, headers=headers_of(who, Scope.STATUS_READ, shop, ada, boss)).content
    assert (b"10.0.0.1:6379" in body) == (who in ("staff", WITH_SCOPE))


def test_every_url_has_a_row_and_every_row_a_url():
    names = [operation.name for operation in OPERATIONS]
    assert sorted(names) == sorted(ACCESS)


def test_every_row_with_a_public_summary_is_tested():
    assert {name for name, row in ACCESS.items() if row.is_summary_public} == {"healthz_get", "status_get"}


def test_an_operation_without_a_row_is_open_to_no_one(monkeypatch: pytest.MonkeyPatch, ada: User):
    monkeypatch.setattr(access_table, "ACCESS", {})
    for path in ("/api/schema/", "/api/v1/"):
        assert Client(raise_request_exception=False).get(path, headers=bearer(ada)).status_code == 500


@pytest.mark.parametrize(("who", "status"), [("anonymous", 401), ("customer", 403), ("staff", 200)])
@pytest.mark.parametrize("name", ["schema_get", "api-root_get"])
def test_a_page_is_closed_by_its_row(
    name: str, who: str, status: int, monkeypatch: pytest.MonkeyPatch, shop: Shop, ada: User, boss: User
):
    path = {"schema_get": "/api/schema/", "api-root_get": "/api/v1/"}[name]
    headers = CALLERS[who](shop, ada, boss)
    monkeypatch.setattr(access_table, "ACCESS", {**ACCESS, name: ACCESS["users_list"]})
    assert Client().get(path, headers=headers).status_code == status


def test_another_users_id_is_answered_like_an_unknown_one(anyone: Any, customer: Any, staff: Any, boss: User):
    unknown = boss.id[:-1] + ("0" if boss.id[-1] != "0" else "1")
    other = customer.get(f"/users/{boss.id}/", X_Request_ID="a" * 32).json()
    missing = staff.get(f"/users/{unknown}/", X_Request_ID="a" * 32).json()
    assert {**missing, "detail": missing["detail"].replace(unknown, boss.id)} == other


def test_the_openapi_document_requires_what_the_table_says():
    described = schema.operations()
    assert {name for name, each in described.items() if each["security"] == []} == {
        name for name in described if ACCESS[name].is_public and not ACCESS[name].recognizes_users
    }
    for name, each in described.items():
        row = ACCESS[name]
        keys = [{"api_key": []}] if row.scope else []
        guest, anyone = ([{"cart_token": []}] if row.admits_cart_token else []), [{}] if row.is_public else []
        is_open = row.is_public and not row.recognizes_users
        assert is_open or each["security"] == [*anyone, {"token": []}, *keys, *guest, {"cookie": []}]
        assert each["x-access"] == {
            "roles": sorted(row.roles),
            "scope": row.scope,
            "own": row.is_own,
            "private": row.is_private,
            "reauthentication": row.reauthentication,
            "limiter": row.limiter,
        }


def test_the_page_about_access_is_generated_from_the_table():
    assert (ROOT / "docs" / "access.md").read_text("utf-8") == document()


def test_no_page_of_the_back_office_admits_a_guest():
    assert not [page for page in OFFICE if ACCESS[page].admits_cart_token]


def test_staff_are_not_admitted_to_what_is_private_to_another_user():
    staff = Caller(id="staff", role=Role.STAFF, token="t")
    private = ACCESS["auth_session"]
    admit(private, staff, "staff")
    with pytest.raises(NotFound):
        admit(private, staff, "another")
