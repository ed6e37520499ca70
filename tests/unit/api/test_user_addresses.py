"""The addresses of the current user over HTTP."""

from typing import cast

import pytest
from django.http import StreamingHttpResponse

from shop.api import examples
from tests.samples import PASSWORD
from tests.unit.api.client import ApiClient, errors, problem
from tests.unit.api.schema import body_of

READ_ONLY = ("id", "created_at", "updated_at", "version")
NEW = {name: value for name, value in examples.ADDRESS.items() if name not in READ_ONLY}
PATH = "/users/me/addresses/"


def path_of(address: dict) -> str:
    return f"{PATH}{address['id']}/"


def test_an_address_is_made_of_every_field_that_is_sent(customer: ApiClient):
    created = customer.post(PATH, NEW)
    assert created.status_code == 201
    body = created.json()
    assert {name: body[name] for name in NEW} == NEW
    assert created.headers["Location"] == f"/api/v1{path_of(body)}"
    assert customer.get(path_of(body)).json() == body
    assert customer.get(PATH).json()["results"] == [body]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [({"country": "XX"}, "/country"), ({"city": ""}, "/city"), ({"postal_code": "1" * 21}, "/postal_code")],
)
def test_an_invalid_address_is_a_field_error(customer: ApiClient, change: dict, pointer: str):
    assert [each for each, _ in errors(customer.post(PATH, {**NEW, **change}))] == [pointer]


def test_another_address_becomes_the_default(customer: ApiClient):
    first, second = (customer.post(PATH, {**NEW, "is_default": False}).json() for _ in range(2))
    assert (first["is_default"], second["is_default"]) == (True, False)
    changed = customer.post(f"{path_of(second)}default/")
    assert changed.json()["is_default"] is True
    assert customer.get(path_of(first)).json()["is_default"] is False


def test_the_tag_changes_with_the_default(customer: ApiClient):
    first, second = (customer.post(PATH, {**NEW, "is_default": False}) for _ in range(2))
    customer.post(f"{path_of(second.json())}default/")
    got = customer.get(path_of(first.json()), If_None_Match=first.headers["ETag"])
    assert got.status_code == 200


def test_an_address_is_replaced_updated_and_deleted(customer: ApiClient):
    address = customer.post(PATH, NEW).json()
    least = {name: NEW[name] for name in ("name", "line_1", "city", "country")}
    replaced = customer.put(path_of(address), least).json()
    assert (replaced["line_2"], replaced["phone"], replaced["version"]) == ("", "", 2)
    assert customer.patch(path_of(address), {"city": "Turin"}).json()["name"] == NEW["name"]
    assert customer.delete(path_of(address)).status_code == 204
    assert problem(customer.get(path_of(address))) == (404, "not-found")


def test_addresses_of_another_user_are_not_found(customer: ApiClient, staff: ApiClient):
    address = customer.post(PATH, NEW).json()
    assert problem(staff.get(path_of(address))) == (404, "not-found")
    assert problem(staff.post(f"{path_of(address)}default/")) == (404, "not-found")
    assert staff.get(PATH).json()["results"] == []


def test_the_audit_has_no_address(customer: ApiClient, staff: ApiClient, ada):
    customer.post(PATH, NEW)
    entry = staff.get("/audit/?operation=addresses_create").json()["results"][0]
    assert (entry["object"], entry["changes"]) == (
        f"user:{ada.id}",
        [{"field": "address", "before": None, "after": None}],
    )


def test_addresses_are_part_of_the_export_and_are_erased(customer: ApiClient, ada):
    address = customer.post(PATH, NEW).json()
    exported = body_of(cast(StreamingHttpResponse, customer.get("/users/me/export/")))
    assert address["line_1"].encode() in exported
    assert customer.delete(f"/users/{ada.id}/", {"current_password": PASSWORD}).status_code == 204
