"""Shipping methods over HTTP."""

import pytest

from shop.api import examples
from tests.samples import offered
from tests.unit.api.client import ApiClient, errors, problem

READ_ONLY = ("created_at", "updated_at", "version")
NEW = {name: value for name, value in examples.SHIPPING_METHOD.items() if name not in READ_ONLY}
PATH = f"/shipping-methods/{NEW['code']}/"


def test_a_method_is_made_of_every_field_that_is_sent(staff: ApiClient):
    created = staff.post("/shipping-methods/", NEW)
    assert (created.status_code, created.headers["Location"]) == (201, f"/api/v1{PATH}")
    body = created.json()
    assert {name: body[name] for name in NEW} == NEW
    assert staff.get(PATH).json() == body


def test_anyone_lists_the_methods_by_code(anyone: ApiClient, shop):
    for code in ("slow", "fast"):
        offered(shop, code=code)
    assert [each["code"] for each in anyone.get("/shipping-methods/").json()["results"]] == ["fast", "slow"]
    assert anyone.get("/shipping-methods/fast/").status_code == 200


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"code": "No"}, "/code"),
        ({"countries": ["DE", "XX"]}, "/countries/1"),
        ({"countries": "DE"}, "/countries"),
        ({"price": "4.999"}, "/price"),
        ({"currency": "XXX"}, "/currency"),
        ({"active": "yes"}, "/active"),
    ],
)
def test_an_invalid_method_is_a_field_error(staff: ApiClient, change: dict, pointer: str):
    assert [each for each, _ in errors(staff.post("/shipping-methods/", {**NEW, **change}))] == [pointer]


def test_a_method_is_replaced_updated_and_deleted(staff: ApiClient):
    staff.post("/shipping-methods/", NEW)
    replaced = staff.put(PATH, {"name": "Other", "price": "1.00", "currency": "EUR"}).json()
    assert (replaced["name"], replaced["countries"], replaced["active"]) == ("Other", [], True)
    assert staff.patch(PATH, {"active": False}).json()["name"] == "Other"
    assert staff.delete(PATH).status_code == 204
    assert problem(staff.get(PATH)) == (404, "not-found")


def test_a_second_method_with_the_code_is_refused(staff: ApiClient):
    staff.post("/shipping-methods/", NEW)
    assert problem(staff.post("/shipping-methods/", NEW)) == (409, "shipping-method-taken")


def test_customers_do_not_change_methods(customer: ApiClient):
    assert problem(customer.post("/shipping-methods/", NEW)) == (403, "forbidden")
