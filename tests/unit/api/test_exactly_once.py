"""Idempotency keys and request ids: a repeated request takes effect once and gets the recorded outcome."""

import time
from collections.abc import Callable

import pytest
from django.test import Client, override_settings

from exactly_once.requests import MAX_REFUSALS, WriteRequest
from shop.api import writes
from shop.api.arrivals import Arrival
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.users import User
from tests.fakes import FakeStore
from tests.samples import PASSWORD, registered
from tests.unit.api.client import ApiClient, problem

KEY = {"Idempotency_Key": "one-and-only"}


@pytest.fixture
def write_requests(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[WriteRequest]:
    """The write requests that reach the store."""
    requests: list[WriteRequest] = []
    place = shop.purchases.place
    monkeypatch.setattr(
        shop.purchases, "place", lambda request, *rest: requests.append(request) or place(request, *rest), raising=True
    )
    return requests


def lines(product: Product, quantity: int = 1) -> dict:
    return {"items": [{"product": product.id, "quantity": quantity}]}


def test_a_replay_returns_the_recorded_outcome_byte_for_byte(customer: ApiClient, apple: Product):
    first, second = (customer.post("/purchases/", lines(apple), **KEY) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert (first.content, first.headers["Location"]) == (second.content, second.headers["Location"])
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert customer.get(f"/products/{apple.id}/").json()["stock"] == 9


def test_a_refusal_is_replayed_byte_for_byte(customer: ApiClient, staff: ApiClient, apple: Product):
    first = customer.post("/purchases/", lines(apple, 11), **KEY)
    staff.post(f"/products/{apple.id}/stock/", {"delta": 5, "reason": "Came too late."})
    second = customer.post("/purchases/", lines(apple, 11), **KEY)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["X-Request-ID"] != first.headers["X-Request-ID"]


def test_a_write_counts_among_those_of_its_caller(customer, ada, apple, write_requests):
    customer.post("/purchases/", lines(apple, 11))
    assert [(request.caller, request.max_refusals) for request in write_requests] == [(ada.id, MAX_REFUSALS)]


@override_settings(EVERGREEN_CALLER_WRITES=None)
def test_a_refusal_is_forgotten_after_as_many_others_as_are_remembered(customer: ApiClient, apple: Product):
    customer.post("/purchases/", lines(apple, 11), **KEY)
    for _ in range(MAX_REFUSALS):
        assert customer.post("/purchases/", lines(apple, 12)).status_code == 409
    again = customer.post("/purchases/", lines(apple, 11), **KEY)
    assert (again.status_code, "Idempotent-Replayed" in again.headers) == (409, False)


def test_a_validation_error_is_no_recorded_outcome(customer: ApiClient, apple: Product):
    assert customer.post("/purchases/", {"items": []}, **KEY).status_code == 400
    assert customer.post("/purchases/", lines(apple), **KEY).status_code == 201


def test_a_key_of_another_request_is_refused(customer: ApiClient, apple: Product):
    customer.post("/purchases/", lines(apple), **KEY)
    response = customer.post("/purchases/", lines(apple, 2), **KEY)
    assert (response.status_code, response.json()["code"]) == (422, "idempotency-key-reused")


def test_idempotency_keys_are_scoped_to_the_user(anyone: ApiClient, customer: ApiClient, shop: Shop, apple: Product):
    other = anyone.signed_in(registered(shop))
    response = [client.post("/purchases/", lines(apple), **KEY).json()["id"] for client in (customer, other)]
    assert response[0] != response[1]


def test_anonymous_callers_with_one_key_and_different_requests_share_no_outcome(anyone: ApiClient):
    body = {"email": "grace@example.com", "password": "nanoseconds matter"}
    first, second = (anyone.post("/users/", body, **KEY) for _ in range(2))
    other = anyone.post("/users/", {**body, "email": "alan@example.com"}, **KEY)
    assert (first.content, second.headers["Idempotent-Replayed"]) == (second.content, "true")
    assert (other.status_code, "Idempotent-Replayed" in other.headers) == (201, False)


def test_a_replay_returns_the_outcome_although_the_resource_is_gone(staff: ApiClient, apple: Product):
    body = {"delta": -10, "reason": "Sold."}
    first = staff.post(f"/products/{apple.id}/stock/", body, **KEY)
    staff.delete(f"/products/{apple.id}/")
    second = staff.post(f"/products/{apple.id}/stock/", body, **KEY)
    assert (first.status_code, second.status_code, first.content) == (200, 200, second.content)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_retried_change_gets_its_first_outcome(staff: ApiClient, apple: Product, method: str):
    body = {"name": "Golden", "price": "2.00", "currency": "EUR"}
    first, second = (
        staff.send(method, f"/products/{apple.id}/", body, If_Match='"1.10"', X_Request_ID="e" * 32) for _ in range(2)
    )
    assert (first.status_code, first.content) == (200, second.content)
    assert "Idempotent-Replayed" not in second.headers


def test_an_idempotency_key_is_ignored_except_for_post(staff: ApiClient, apple: Product):
    for version in (2, 3):
        assert staff.patch(f"/products/{apple.id}/", {"name": "Golden"}, **KEY).json()["version"] == version


def test_an_idempotency_key_is_ignored_for_tokens(anyone: ApiClient, ada: User):
    body = {"email": ada.email, "password": "correct horse"}
    tokens = {anyone.post("/auth/token/", body, **KEY).json()["token"] for _ in range(2)}
    assert len(tokens) == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256, "a\x7f"])
def test_an_invalid_idempotency_key_is_refused(customer: ApiClient, apple: Product, key: str):
    response = customer.post("/purchases/", lines(apple), Idempotency_Key=key)
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "Idempotency-Key"


def test_the_recorded_key_does_not_reveal_the_idempotency_key(
    customer: ApiClient, apple: Product, write_requests: list[WriteRequest]
):
    customer.post("/purchases/", lines(apple), **KEY)
    assert "one-and-only" not in write_requests[0].idempotency_key
    assert (write_requests[0].ttl_s, write_requests[0].idempotency_key == write_requests[0].id) == (
        writes.IDEMPOTENCY_KEY_TTL_S,
        False,
    )


def test_without_a_key_the_outcome_is_recorded_under_the_request_id_for_minutes(
    customer: ApiClient, apple: Product, write_requests: list[WriteRequest]
):
    customer.post("/purchases/", lines(apple), X_Request_ID="f" * 32)
    assert (write_requests[0].id, write_requests[0].idempotency_key, write_requests[0].ttl_s) == (
        "f" * 32,
        "f" * 32,
        writes.RETRY_TTL_S,
    )


@pytest.mark.parametrize("id", ["", "not hex", "F" * 32, "f" * 31])
def test_a_malformed_request_id_is_replaced(
    customer: ApiClient, apple: Product, write_requests: list[WriteRequest], id: str
):
    response = customer.post("/purchases/", lines(apple), X_Request_ID=id)
    assert response.headers["X-Request-ID"] == write_requests[0].id != id
    assert len(write_requests[0].id) == 32


@pytest.fixture
def age(monkeypatch: pytest.MonkeyPatch) -> Callable[[Arrival], None]:
    """Sets what is found out about the age of the requests that follow."""

    def set_age(arrival: Arrival) -> None:
        monkeypatch.setattr("shop.api.context.ARRIVALS.receive", lambda *_: arrival)

    return set_age


STAMP = {"X_Request_Start": "1000.000"}


def test_the_write_deadline_counts_from_the_arrival_at_nginx(
    customer: ApiClient, apple: Product, write_requests: list[WriteRequest], age: Callable[[Arrival], None]
):
    age(Arrival(4.0))
    customer.post("/purchases/", lines(apple), **STAMP)
    assert write_requests[0].deadline == pytest.approx(time.monotonic() + 6, abs=2)
    assert write_requests[0].may_be_retry


def test_the_write_deadline_ends_with_the_timeout_of_nginx(
    customer: ApiClient, apple: Product, write_requests: list[WriteRequest], age: Callable[[Arrival], None]
):
    age(Arrival(0.0))
    customer.post("/purchases/", lines(apple), X_Request_Timeout="4", **STAMP)
    assert write_requests[0].deadline == pytest.approx(time.monotonic() + 4, abs=2)
    assert not write_requests[0].may_be_retry


@pytest.mark.parametrize("skew_s", [120, -120, 86_400 * 365])
def test_the_clock_of_nginx_takes_nothing_from_the_deadline(
    customer: ApiClient, apple: Product, write_requests: list[WriteRequest], skew_s: float
):
    response = customer.post("/purchases/", lines(apple), X_Request_Start=f"{time.time() + skew_s:.3f}")
    assert response.status_code == 201
    assert write_requests[0].deadline == pytest.approx(time.monotonic() + 10, abs=2)


def test_a_request_that_lay_in_a_frozen_instance_is_not_carried_out(
    customer: ApiClient, apple: Product, write_requests: list[WriteRequest], age: Callable[[Arrival], None]
):
    age(Arrival(None, is_stale=True))
    response = Client().post("/api/v1/purchases/", headers={"X-Request-Start": "1000.000"})
    assert (response.status_code, response.headers["X-Accel-Redirect"]) == (502, "@not_tried")
    assert (response.content, write_requests) == (b"", [])


def test_requests_with_one_request_id_take_effect_once(customer: ApiClient, apple: Product, store: FakeStore):
    for _ in range(3):
        customer.post("/purchases/", lines(apple), X_Request_ID="a" * 32)
    assert len(store.purchases) == 1


def test_another_user_under_the_same_request_id_gets_no_outcome(
    customer: ApiClient, staff: ApiClient, anyone: ApiClient, shop: Shop, apple: Product, store: FakeStore
):
    first = customer.post("/purchases/", lines(apple), X_Request_ID="a" * 32)
    bob = anyone.signed_in(registered(shop, email="bob@example.com"))
    attacks = [client.post("/purchases/", lines(apple), X_Request_ID="a" * 32) for client in (bob, staff)]
    assert [problem(attack) for attack in attacks] == [(422, "idempotency-key-reused")] * 2
    assert customer.post("/purchases/", lines(apple), X_Request_ID="a" * 32).content == first.content
    assert len(store.purchases) == 1


def test_a_logout_under_the_request_id_of_another_users_logout_is_refused(ada: User, anyone: ApiClient, shop: Shop):
    alice, bob = (
        anyone.post("/auth/token/", {"email": user.email, "password": PASSWORD}).json()["token"]
        for user in (ada, registered(shop, email="bob@example.com"))
    )

    def logout(token: str) -> int:
        headers = {"X-Request-ID": "b" * 32, "Authorization": f"Bearer {token}"}
        return Client().post("/api/v1/auth/logout/", {}, "application/json", headers=headers).status_code

    assert [logout(token) for token in (alice, bob, alice)] == [204, 422, 204]
