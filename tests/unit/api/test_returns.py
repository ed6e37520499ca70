"""Shipments and returns over HTTP."""

import pytest

from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Purchase
from shop.domain.users import User
from tests.samples import a_return, placed, registered, shipped, units
from tests.unit.api.client import ApiClient

NOTHING = "01a196fb-1601-7000-8000-00000000dead"


@pytest.fixture
def purchase(shop: Shop, ada: User, apple: Product) -> Purchase:
    return placed(shop, ada.id, units(apple, 3))


def lines(product: Product, quantity: int) -> list[dict]:
    return [{"product": product.id, "quantity": quantity}]


def test_a_purchase_is_shipped_in_parts_with_carrier_and_tracking(
    staff: ApiClient, customer: ApiClient, purchase: Purchase, apple: Product
):
    staff.post(f"/purchases/{purchase.id}/pay/")
    body = {"lines": lines(apple, 1), "carrier": "Evergreen Post", "tracking": "EG-1"}
    response = staff.post(f"/purchases/{purchase.id}/ship/", body)
    assert (response.status_code, response.json()["status"]) == (200, "partially_shipped")
    found = customer.get(f"/purchases/{purchase.id}/").json()
    (shipment,) = found["shipments"]
    assert {name: shipment[name] for name in body} == body
    assert staff.post(f"/purchases/{purchase.id}/ship/").json()["status"] == "shipped"


def test_more_than_is_left_is_not_shipped(staff: ApiClient, purchase: Purchase, apple: Product):
    staff.post(f"/purchases/{purchase.id}/pay/")
    response = staff.post(f"/purchases/{purchase.id}/ship/", {"lines": lines(apple, 4)})
    assert (response.status_code, response.json()["code"]) == (409, "units-exceeded")
    assert response.json()["shortages"] == [{"product": apple.id, "requested": 4, "available": 3}]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"lines": []}, "/lines"),
        ({"lines": [{"product": NOTHING}]}, "/lines/0/quantity"),
        ({"lines": [{"product": NOTHING, "quantity": 0}]}, "/lines/0/quantity"),
        ({"lines": [{"product": NOTHING, "quantity": 1}] * 101}, "/lines"),
        ({"carrier": "x" * 201}, "/carrier"),
        ({"weight": 1}, "/weight"),
    ],
)
def test_an_invalid_shipment_is_a_field_error(staff: ApiClient, purchase: Purchase, body: dict, pointer: str):
    response = staff.post(f"/purchases/{purchase.id}/ship/", body)
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


def test_a_return_goes_its_way_over_http(
    staff: ApiClient, customer: ApiClient, shop: Shop, purchase: Purchase, apple: Product
):
    shipped(shop, purchase)
    body = {"lines": lines(apple, 2), "reason": "Too green."}
    asked = customer.post(f"/purchases/{purchase.id}/returns/", body)
    assert (asked.status_code, asked.json()["status"], asked.json()["lines"]) == (201, "requested", body["lines"])
    path = asked.headers["Location"].removeprefix("/api/v1")
    assert customer.get(path).json() == asked.json()
    assert staff.post(f"{path}approve/").json()["status"] == "approved"
    received = staff.post(f"{path}receive/", {"restock": True})
    assert received.json()["restocked"] == body["lines"]
    assert received.headers["ETag"] == '"3.0"'
    assert shop.products.get(apple.id).stock == 9
    staff.post(f"/purchases/{purchase.id}/refund/", {"restock": True})
    assert customer.get(path).json()["status"] == "refunded"
    assert shop.products.get(apple.id).stock == 10


def test_a_return_is_repeated_by_its_key_once(customer: ApiClient, shop: Shop, purchase: Purchase, apple: Product):
    shipped(shop, purchase)
    body, key = {"lines": lines(apple, 3), "reason": "Too green."}, {"Idempotency_Key": "one"}
    first, second = (customer.post(f"/purchases/{purchase.id}/returns/", body, **key) for _ in range(2))
    assert (first.json(), second.headers["Idempotent-Replayed"]) == (second.json(), "true")
    response = customer.post(f"/purchases/{purchase.id}/returns/", body)
    assert (response.status_code, response.json()["code"]) == (409, "units-exceeded")


def test_a_step_that_a_return_cannot_take_is_refused_with_those_that_it_can(
    staff: ApiClient, shop: Shop, purchase: Purchase
):
    path = f"/returns/{a_return(shop, purchase).id}"
    response = staff.post(f"{path}/receive/", {"restock": True})
    assert (response.status_code, response.json()["code"]) == (409, "invalid-transition")
    assert (response.json()["from"], response.json()["allowed"]) == ("requested", ["approved", "refused"])
    assert staff.post(f"{path}/refuse/").json()["status"] == "refused"


def test_returns_are_listed_below_their_purchase_and_for_staff_by_status(
    staff: ApiClient, customer: ApiClient, shop: Shop, purchase: Purchase
):
    found = a_return(shop, purchase)
    assert [each["id"] for each in customer.get(f"/purchases/{purchase.id}/returns/").json()["results"]] == [found.id]
    assert [each["id"] for each in staff.get("/returns/?status=requested").json()["results"]] == [found.id]
    assert staff.get("/returns/?status=approved").json()["results"] == []
    assert customer.get("/returns/").status_code == 403


def test_returns_of_another_customers_purchase_are_not_found(customer: ApiClient, shop: Shop, apple: Product):
    other = placed(shop, registered(shop).id, units(apple, 1))
    found = a_return(shop, other)
    body = {"lines": lines(apple, 1), "reason": "Too green."}
    for response in (
        customer.get(f"/returns/{found.id}/"),
        customer.get(f"/purchases/{other.id}/returns/"),
        customer.post(f"/purchases/{other.id}/returns/", body),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "not-found")


def test_nothing_is_returned_of_a_purchase_that_was_not_shipped(
    customer: ApiClient, purchase: Purchase, apple: Product
):
    response = customer.post(f"/purchases/{purchase.id}/returns/", {"lines": lines(apple, 1), "reason": "Too green."})
    assert (response.status_code, response.json()["code"]) == (409, "units-exceeded")
    assert response.json()["shortages"] == [{"product": apple.id, "requested": 1, "available": 0}]
