"""Webhook endpoints and deliveries over HTTP."""

from datetime import timedelta

import pytest

from shop.domain.webhooks import MAX_ENDPOINTS, Attempt
from tests.samples import a_request, in_catalogue
from tests.unit.api.client import errors, problem

PATH = "/webhook-endpoints/"
NEW = {"url": "https://hooks.example/shop", "description": "The warehouse", "types": ["product.stock_adjusted"]}


@pytest.fixture
def endpoint(staff):
    return staff.post(PATH, NEW).json()


@pytest.fixture
def delivery(shop, staff, endpoint):
    """The one delivery to the endpoint."""
    shop.products.adjust_stock(a_request(), in_catalogue(shop, stock=1).id, 1, None)
    shop.deliveries.plan(a_request(), "worker-1", ())
    return staff.get(f"{PATH}{endpoint['id']}/deliveries/").json()["results"][0]


def test_a_created_endpoint_shows_its_secret_once(staff):
    created = staff.post(PATH, NEW)
    body = created.json()
    assert (created.status_code, created["Cache-Control"]) == (201, "no-store")
    assert created["Location"].endswith(f"{PATH}{body['id']}/")
    assert body.pop("secret").startswith("whsec_")
    assert staff.get(f"{PATH}{body['id']}/").json() == body
    assert staff.get(PATH).json()["results"] == [body]


def test_a_repeated_creation_makes_one_endpoint_and_shows_the_same_secret(staff):
    first, second = (staff.post(PATH, NEW, Idempotency_Key="once") for _ in range(2))
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert len(staff.get(PATH).json()["results"]) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "http://hooks.example/"}, "/url"),
        ({"url": "https://127.0.0.1/"}, "/url"),
        ({"url": ""}, "/url"),
        ({"url": "https://hooks.example/" + "a" * 2000}, "/url"),
        ({"types": ["product.exploded"]}, "/types/0"),
        ({"is_enabled": "yes"}, "/is_enabled"),
        ({"secret": "whsec_AAAA"}, "/secret"),
    ],
)
def test_an_endpoint_that_is_not_valid_is_refused(staff, endpoint, change, pointer):
    assert [each for each, _ in errors(staff.post(PATH, {**NEW, **change}))] == [pointer]
    assert [each for each, _ in errors(staff.patch(f"{PATH}{endpoint['id']}/", change))] == [pointer]


def test_an_endpoint_is_changed_in_part(staff, endpoint):
    path = f"{PATH}{endpoint['id']}/"
    changed = staff.patch(path, {"is_enabled": False, "types": []}).json()
    assert (changed["is_enabled"], changed["types"], changed["url"]) == (False, [], NEW["url"])
    assert staff.get(path).json() == changed


def test_a_rotation_shows_another_secret(staff, endpoint):
    rotated = staff.post(f"{PATH}{endpoint['id']}/rotate-secret/").json()
    assert rotated["secret"] != endpoint["secret"]
    assert rotated["former_expires_at"] is not None


def test_a_deleted_endpoint_is_gone(staff, endpoint):
    path = f"{PATH}{endpoint['id']}/"
    assert staff.delete(path).status_code == 204
    assert problem(staff.get(path)) == (404, "not-found")
    assert problem(staff.get(f"{path}deliveries/")) == (404, "not-found")


def test_a_test_becomes_a_delivery(shop, staff, endpoint):
    assert staff.post(f"{PATH}{endpoint['id']}/test/").status_code == 204
    shop.deliveries.plan(a_request(), "worker-1", ())
    (found,) = staff.get(f"{PATH}{endpoint['id']}/deliveries/").json()["results"]
    assert found["event"]["type"] == "webhook.test"


def test_a_delivery_shows_its_event_as_the_list_of_events_does(staff, delivery):
    assert delivery["event"] in staff.get("/events/").json()["results"]
    assert (delivery["status"], delivery["attempts"], delivery["attempted_at"]) == ("pending", 0, None)


def test_a_delivery_is_made_again_on_request(shop, staff, endpoint, delivery):
    batch = shop.deliveries.claim(a_request(), 9, timedelta(minutes=1)).value
    attempt = Attempt(event=delivery["event"]["id"], error="", response_status=200, duration_ms=3)
    shop.deliveries.record(a_request(), batch, [attempt], timedelta(0))
    again = staff.post(f"/deliveries/{delivery['id']}/redeliver/")
    assert (again.status_code, again.json()["status"], again.json()["attempts"]) == (202, "pending", 1)


def test_an_unknown_delivery_is_not_found(staff, endpoint):
    assert problem(staff.post(f"/deliveries/{endpoint['id']}:1-0/redeliver/")) == (404, "not-found")
    assert problem(staff.post("/deliveries/nonsense/redeliver/")) == (404, "not-found")


def test_a_shop_has_at_most_so_many_endpoints(staff):
    for _ in range(MAX_ENDPOINTS):
        assert staff.post(PATH, NEW).status_code == 201
    assert problem(staff.post(PATH, NEW)) == (409, "too-many-webhook-endpoints")


def test_endpoints_are_for_staff(customer, anyone, endpoint, delivery):
    for who, status in ((customer, 403), (anyone, 401)):
        assert who.get(PATH).status_code == status
        assert who.post(PATH, NEW).status_code == status
        assert who.post(f"{PATH}{endpoint['id']}/rotate-secret/").status_code == status
        assert who.post(f"/deliveries/{delivery['id']}/redeliver/").status_code == status
