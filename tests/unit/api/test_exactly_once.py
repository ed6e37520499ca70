"""Idempotency keys and request ids: however often it is asked for, it is done once."""

import time

import pytest

from exactly_once.requests import WriteRequest
from shop.api import writes
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.users import User
from tests.fakes import FakeStore
from tests.samples import registered
from tests.unit.api.client import ApiClient

KEY = {"Idempotency_Key": "one-and-only"}


@pytest.fixture
def asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[WriteRequest]:
    """Every write that the store is asked for."""
    seen: list[WriteRequest] = []
    place = shop.purchases.place
    monkeypatch.setattr(
        shop.purchases, "place", lambda request, *rest: seen.append(request) or place(request, *rest), raising=True
    )
    return seen


def lines(product: Product, quantity: int = 1) -> dict:
    return {"items": [{"product": product.id, "quantity": quantity}]}


def test_a_key_gets_the_first_outcome_again_byte_for_byte(customer: ApiClient, apple: Product):
    first, second = (customer.post("/purchases/", lines(apple), **KEY) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert (first.content, first.headers["Location"]) == (second.content, second.headers["Location"])
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert customer.get(f"/products/{apple.id}/").json()["stock"] == 9


def test_a_refusal_is_an_outcome_like_any_other(customer: ApiClient, staff: ApiClient, apple: Product):
    first = customer.post("/purchases/", lines(apple, 11), **KEY)
    staff.post(f"/products/{apple.id}/stock/", {"delta": 5, "reason": "Came too late."})
    second = customer.post("/purchases/", lines(apple, 11), **KEY)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["X-Request-ID"] != first.headers["X-Request-ID"]


def test_a_fault_in_the_request_is_no_outcome(customer: ApiClient, apple: Product):
    assert customer.post("/purchases/", {"items": []}, **KEY).status_code == 400
    assert customer.post("/purchases/", lines(apple), **KEY).status_code == 201


def test_a_key_belongs_to_one_request(customer: ApiClient, apple: Product):
    customer.post("/purchases/", lines(apple), **KEY)
    refused = customer.post("/purchases/", lines(apple, 2), **KEY)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")


def test_everybody_has_keys_of_their_own(anyone: ApiClient, customer: ApiClient, shop: Shop, apple: Product):
    other = anyone.signed_in(registered(shop))
    bought = [client.post("/purchases/", lines(apple), **KEY).json()["id"] for client in (customer, other)]
    assert bought[0] != bought[1]


def test_strangers_learn_nothing_of_each_others_keys(anyone: ApiClient):
    body = {"email": "grace@example.com", "password": "nanoseconds matter"}
    first, again = (anyone.post("/users/", body, **KEY) for _ in range(2))
    other = anyone.post("/users/", {**body, "email": "alan@example.com"}, **KEY)
    assert (first.content, again.headers["Idempotent-Replayed"]) == (again.content, "true")
    assert (other.status_code, "Idempotent-Replayed" in other.headers) == (201, False)


def test_an_outcome_is_found_though_what_it_needed_is_gone(staff: ApiClient, apple: Product):
    body = {"delta": -10, "reason": "Sold."}
    first = staff.post(f"/products/{apple.id}/stock/", body, **KEY)
    staff.delete(f"/products/{apple.id}/")
    second = staff.post(f"/products/{apple.id}/stock/", body, **KEY)
    assert (first.status_code, second.status_code, first.content) == (200, 200, second.content)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_nginx_repeats_a_change_and_gets_its_outcome(staff: ApiClient, apple: Product, method: str):
    body = {"name": "Golden", "price": "2.00", "currency": "EUR"}
    first, second = (
        staff.send(method, f"/products/{apple.id}/", body, If_Match='"1.10"', X_Request_ID="e" * 32) for _ in range(2)
    )
    assert (first.status_code, first.content) == (200, second.content)
    assert "Idempotent-Replayed" not in second.headers


def test_a_key_counts_for_nothing_but_posts(staff: ApiClient, apple: Product):
    for version in (2, 3):
        assert staff.patch(f"/products/{apple.id}/", {"name": "Golden"}, **KEY).json()["version"] == version


def test_a_key_counts_for_nothing_when_signing_in(anyone: ApiClient, ada: User):
    body = {"email": ada.email, "password": "correct horse"}
    tokens = {anyone.post("/auth/token/", body, **KEY).json()["token"] for _ in range(2)}
    assert len(tokens) == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256, "a\x7f"])
def test_a_key_is_visible_ascii(customer: ApiClient, apple: Product, key: str):
    refused = customer.post("/purchases/", lines(apple), Idempotency_Key=key)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "Idempotency-Key"


def test_a_record_does_not_tell_the_key(customer: ApiClient, apple: Product, asked: list[WriteRequest]):
    customer.post("/purchases/", lines(apple), **KEY)
    assert "one-and-only" not in asked[0].idempotency_key
    assert (asked[0].ttl_s, asked[0].idempotency_key == asked[0].id) == (writes.IDEMPOTENCY_KEY_TTL_S, False)


def test_without_a_key_the_request_is_remembered_for_minutes(
    customer: ApiClient, apple: Product, asked: list[WriteRequest]
):
    customer.post("/purchases/", lines(apple), X_Request_ID="f" * 32)
    assert (asked[0].id, asked[0].idempotency_key, asked[0].ttl_s) == ("f" * 32, "f" * 32, writes.RETRY_TTL_S)


@pytest.mark.parametrize("id", ["", "not hex", "F" * 32, "f" * 31])
def test_an_id_that_is_none_of_nginxs_is_replaced(
    customer: ApiClient, apple: Product, asked: list[WriteRequest], id: str
):
    answer = customer.post("/purchases/", lines(apple), X_Request_ID=id)
    assert answer.headers["X-Request-ID"] == asked[0].id != id
    assert len(asked[0].id) == 32


def test_the_deadline_counts_from_when_nginx_had_the_request(
    customer: ApiClient, apple: Product, asked: list[WriteRequest]
):
    arrival = time.time() - 4
    customer.post("/purchases/", lines(apple), X_Request_Start=f"{arrival:.3f}")
    assert asked[0].deadline == pytest.approx(arrival + 10, abs=0.01)


def test_a_request_that_lay_in_a_frozen_instance_is_as_old_as_it_is(
    customer: ApiClient, apple: Product, asked: list[WriteRequest]
):
    arrival = time.time() - 3600
    customer.post("/purchases/", lines(apple), X_Request_Start=f"{arrival:.3f}")
    assert asked[0].deadline == pytest.approx(arrival + 10, abs=0.01)


def test_nobody_goes_on_for_an_nginx_that_asks_another_instance(
    customer: ApiClient, apple: Product, asked: list[WriteRequest]
):
    customer.post("/purchases/", lines(apple), X_Request_Timeout="4")
    assert asked[0].deadline == pytest.approx(time.time() + 4, abs=2)
    arrival = time.time() - 8
    customer.post("/purchases/", lines(apple), X_Request_Timeout="4", X_Request_Start=f"{arrival:.3f}")
    assert asked[1].deadline == pytest.approx(arrival + 10, abs=0.01)


@pytest.mark.parametrize("start", ["", "soon", "nan", "inf", "0", "9999999999.000"])
def test_an_arrival_that_cannot_be_is_now(customer: ApiClient, apple: Product, asked: list[WriteRequest], start: str):
    customer.post("/purchases/", lines(apple), X_Request_Start=start)
    assert asked[0].deadline == pytest.approx(time.time() + 10, abs=2)


def test_the_same_id_is_one_request(customer: ApiClient, apple: Product, store: FakeStore):
    for _ in range(3):
        customer.post("/purchases/", lines(apple), X_Request_ID="a" * 32)
    assert len(store.purchases) == 1
