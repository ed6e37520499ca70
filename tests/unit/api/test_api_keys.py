"""API keys over HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from exactly_once.errors import StoreUnavailable
from shop.domain.callers import Scope
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.users import User
from tests.fakes import FakeStore
from tests.samples import PASSWORD, an_api_key, placed, units
from tests.unit.api.client import ApiClient, errors, problem

NEW = {
    "name": "Scanner",
    "scopes": ["stock:write"],
    "networks": ["192.0.2.0/24"],
    "expires_at": "2027-05-01T00:00:00Z",
    "current_password": PASSWORD,
}


def machine(secret: str) -> ApiClient:
    return ApiClient({"Authorization": f"Bearer {secret}"})


def a_machine(shop: Shop, *scopes: Scope, **changes: Any) -> ApiClient:
    return machine(an_api_key(shop, *scopes, **changes).secret)


def test_staff_create_a_key_whose_secret_no_other_response_has(staff: ApiClient):
    created = staff.post("/api-keys/", NEW)
    assert (created.status_code, created.headers["Cache-Control"]) == (201, "no-store")
    body = created.json()
    assert {name: body[name] for name in NEW if name != "current_password"} == {
        name: value for name, value in NEW.items() if name != "current_password"
    }
    read = staff.get(created.headers["Location"].removeprefix("/api/v1")).json()
    assert read == {name: value for name, value in body.items() if name != "secret"}
    assert staff.get("/api-keys/").json()["results"] == [read]


def test_a_repeated_creation_returns_the_same_secret(staff: ApiClient):
    first, second = (staff.post("/api-keys/", NEW, Idempotency_Key="once") for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"


def test_a_key_needs_the_password_of_the_user_who_creates_it(staff: ApiClient):
    response = staff.post("/api-keys/", {**NEW, "current_password": "wrong horse"})
    assert errors(response) == [("/current_password", "wrong-password")]
    assert staff.get("/api-keys/").json()["results"] == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["users:write"]}, "/scopes/0"),
        ({"scopes": ["staff"]}, "/scopes/0"),
        ({"networks": ["192.0.2.1/24"]}, "/networks/0"),
        ({"networks": ["::/0"] * 21}, "/networks"),
        ({"expires_at": None}, "/expires_at"),
        ({"expires_at": "2027-05-01"}, "/expires_at"),
        ({"expires_at": "2027-13-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2037-01-01T00:00:00Z"}, "/expires_at"),
        ({"role": "staff"}, "/role"),
    ],
)
def test_an_invalid_key_is_a_field_error(staff: ApiClient, change: dict, pointer: str):
    assert [each for each, _ in errors(staff.post("/api-keys/", {**NEW, **change}))] == [pointer]


def test_the_expiry_is_required(staff: ApiClient):
    body = {name: value for name, value in NEW.items() if name != "expires_at"}
    assert errors(staff.post("/api-keys/", body)) == [("/expires_at", "required")]


def test_a_key_without_networks_is_good_from_anywhere(staff: ApiClient):
    body = {name: value for name, value in NEW.items() if name != "networks"}
    created = staff.post("/api-keys/", body).json()
    assert created["networks"] == []
    assert problem(machine(created["secret"]).get("/users/")) == (403, "forbidden")


def test_a_key_is_refused_outside_of_its_networks(shop: Shop):
    client = a_machine(shop, Scope.USERS_READ, networks=("192.0.2.0/24",))
    assert client.get("/users/", X_Forwarded_For="192.0.2.7").status_code == 200
    assert problem(client.get("/users/", X_Forwarded_For="198.51.100.7")) == (401, "unauthenticated")
    assert problem(client.get("/users/")) == (401, "unauthenticated")


def test_an_expired_key_is_refused(shop: Shop):
    now = shop.clock.now()
    assert problem(a_machine(shop, Scope.USERS_READ, expires_at=now).get("/users/")) == (401, "unauthenticated")


def test_a_rolled_key_has_two_secrets_for_the_overlap(staff: ApiClient, shop: Any):
    issued = an_api_key(shop, Scope.USERS_READ)
    rolled = staff.post(f"/api-keys/{issued.key.id}/roll/", {"overlap_hours": 2, "current_password": PASSWORD}).json()
    old, new = machine(issued.secret), machine(rolled["secret"])
    assert [client.get("/users/").status_code for client in (old, new)] == [200, 200]
    shop.clock.advance(timedelta(hours=2))
    assert [client.get("/users/").status_code for client in (old, new)] == [401, 200]


def test_a_roll_without_overlap_ends_the_former_secret_at_once(staff: ApiClient, shop: Shop):
    issued = an_api_key(shop, Scope.USERS_READ)
    body = {"overlap_hours": 0, "current_password": PASSWORD}
    assert staff.post(f"/api-keys/{issued.key.id}/roll/", body).status_code == 200
    assert machine(issued.secret).get("/users/").status_code == 401


def test_a_revoked_key_is_refused_from_the_next_request_on(staff: ApiClient, shop: Shop):
    issued = an_api_key(shop, Scope.USERS_READ)
    assert staff.delete(f"/api-keys/{issued.key.id}/").status_code == 204
    assert problem(machine(issued.secret).get("/users/")) == (401, "unauthenticated")
    assert problem(staff.delete(f"/api-keys/{issued.key.id}/")) == (404, "not-found")


def test_a_key_reaches_the_purchases_of_every_user(shop: Shop, ada: User, apple: Product):
    purchase = placed(shop, ada.id, units(apple, 1))
    reader, writer = a_machine(shop, Scope.PURCHASES_READ), a_machine(shop, Scope.PURCHASES_WRITE)
    assert [each["id"] for each in reader.get("/purchases/").json()["results"]] == [purchase.id]
    paid = writer.post(f"/purchases/{purchase.id}/pay/").json()
    assert (paid["status"], paid["history"][-1]["by"]) == ("paid", shop.api_keys.page(1, None).results[0].id)


def test_a_key_buys_nothing_and_has_no_account(shop: Shop, apple: Product):
    client = a_machine(shop, *Scope)
    body = {"items": [{"product": apple.id, "quantity": 1}]}
    assert problem(client.post("/purchases/", body)) == (403, "forbidden")
    for path in ("/users/me/", "/api-keys/"):
        assert problem(client.get(path)) == (403, "forbidden")


def test_a_use_is_recorded_once_an_hour(shop: Any):
    issued = an_api_key(shop, Scope.USERS_READ)
    client, uses = machine(issued.secret), []
    for _ in range(2):
        client.get("/users/")
        uses.append(shop.api_keys.get(issued.key.id).last_used_at)
    shop.clock.advance(timedelta(hours=1, seconds=1))
    client.get("/users/")
    uses.append(shop.api_keys.get(issued.key.id).last_used_at)
    assert None not in uses
    assert uses[0] == uses[1] < uses[2]


def test_a_use_that_cannot_be_recorded_fails_no_request(shop: Shop, store: FakeStore, monkeypatch: pytest.MonkeyPatch):
    def unavailable(*_: object) -> None:
        raise StoreUnavailable

    client = a_machine(shop, Scope.USERS_READ)
    monkeypatch.setattr(shop.api_keys, "record_use", unavailable)
    assert client.get("/users/").status_code == 200


def test_a_key_is_no_cookie(shop: Shop):
    client = ApiClient({"Cookie": f"evergreen_token={an_api_key(shop, *Scope).secret}"})
    assert problem(client.get("/users/")) == (401, "unauthenticated")


def test_a_shop_with_as_many_keys_as_it_may_have_refuses_another(staff: ApiClient, shop: Shop):
    for _ in range(100):
        an_api_key(shop)
    assert problem(staff.post("/api-keys/", NEW)) == (409, "too-many-api-keys")
