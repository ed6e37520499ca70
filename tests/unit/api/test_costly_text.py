"""Texts that are costly to normalize are refused before they are normalized, in every place that accepts text."""

from urllib.parse import quote, urlencode

import orjson
import pytest
from django.test import Client

from shop.domain.text import fold
from shop.domain.users import User
from shop.services import products
from tests.samples import PASSWORD
from tests.unit.api.client import ApiClient, errors, problem

pytestmark = pytest.mark.usefixtures("bounded_work")

#: 460 kB in UTF-8, of two combining classes in the wrong order: the costliest text to normalise.
MARKS = "\u0315\u0316" * 115_000
#: As many marks as a field's length lets through.
SHORT_MARKS = "\u0315\u0316" * 95
REGISTRATION = {"email": "eve@example.com", "password": PASSWORD}
PRODUCT = {"sku": "PEAR", "name": "Pear", "price": "1.20", "currency": "EUR"}
ID = "019a6e30-1b58-7f10-8c2d-0a1b2c3d4e5f"
FORM = "application/x-www-form-urlencoded"


def test_registration_refuses_a_460_kb_email_by_its_size(anyone: ApiClient):
    body = orjson.dumps({**REGISTRATION, "email": "a" + MARKS})
    assert problem(anyone.post("/users/", body)) == (413, "payload-too-large")


def test_the_login_form_refuses_a_460_kb_email_by_its_size():
    body = urlencode({"email": "a" + MARKS, "password": "x"})
    response = Client().post("/api/login/", body, content_type=FORM)
    assert problem(response) == (413, "payload-too-large")


def test_search_refuses_460_kb_of_marks(anyone: ApiClient):
    assert problem(anyone.get(f"/products/?search={quote(MARKS)}")) == (400, "bad-request")


def test_a_path_of_460_kb_of_marks_is_not_found(anyone: ApiClient):
    assert problem(anyone.get(f"/products/by-sku/A{quote(MARKS)}/")) == (404, "not-found")
    assert problem(anyone.get(f"/products/by-sku/A{quote(SHORT_MARKS)}/")) == (404, "not-found")


@pytest.mark.parametrize("field", ["sku", "name", "description", "category", "company"])
def test_a_text_field_is_refused_by_its_length_before_it_is_normalized(staff: ApiClient, field: str):
    response = staff.post("/products/", {**PRODUCT, field: "a" + MARKS[:60_000]})
    assert errors(response) == [(f"/{field}", "max-length")]


@pytest.mark.parametrize("field", ["name", "description", "category", "company"])
@pytest.mark.parametrize("mark", ["\u0315\u0316", "\u0f73\u0f71", "\uff9e\u093c"])
def test_a_text_field_is_refused_for_31_marks_in_a_row(staff: ApiClient, field: str, mark: str):
    response = staff.post("/products/", {**PRODUCT, field: "a" + mark * 16})
    assert errors(response) == [(f"/{field}", "combining-marks")]
    assert "at most 30 combining marks in a row" in response.json()["detail"]


def test_thirty_marks_in_a_row_are_accepted(staff: ApiClient):
    assert staff.post("/products/", {**PRODUCT, "name": "a" + "\u0315\u0316" * 15}).status_code == 201


def test_an_email_is_refused_for_its_marks_before_it_is_normalized(anyone: ApiClient):
    assert errors(anyone.post("/users/", {**REGISTRATION, "email": f"a{SHORT_MARKS}"})) == [
        ("/email", "combining-marks")
    ]
    assert errors(anyone.post("/auth/token/", {"email": f"a{SHORT_MARKS}", "password": "x"})) == [
        ("/email", "combining-marks")
    ]


@pytest.mark.parametrize("path", ["/products/?search=", "/products/?category=", "/users/?search="])
def test_a_query_parameter_is_refused_for_its_length_and_its_marks(staff: ApiClient, path: str):
    for value in ("a" * 201, "a" + SHORT_MARKS, "\u0315\u0316" * 300):
        assert problem(staff.get(path + quote(value))) == (400, "validation-error")


@pytest.mark.parametrize(
    ("email", "sentence"),
    [("a" * 201, "Email: Use at most 200 characters."), (f"a{SHORT_MARKS}", "at most 30 combining marks in a row")],
)
def test_the_login_form_shows_the_error_of_an_email(email: str, sentence: str):
    body = urlencode({"email": email, "password": "x"})
    page = Client().post("/api/login/", body, content_type=FORM)
    assert (page.status_code, sentence in page.content.decode()) == (400, True)
    assert "a" * 201 not in page.content.decode()


def test_the_login_form_leads_home_where_the_next_page_is_costly_to_parse(ada: User):
    url = "//a" + "\u0315\u0316" * 800
    body = urlencode({"email": ada.email, "password": PASSWORD, "next": url})
    response = Client().post("/api/login/", body, content_type=FORM)
    assert (response.status_code, response.headers["Location"]) == (302, "/api/v1/")


def test_a_stored_text_beyond_the_limits_is_a_validation_error(staff: ApiClient, monkeypatch: pytest.MonkeyPatch):
    def costly(**_: object) -> None:
        fold("a" + MARKS[:100])

    monkeypatch.setattr(products, "product_update", costly)
    response = staff.patch(f"/products/{ID}/", {"category": "Fruit"})
    assert problem(response) == (400, "validation-error")
    assert response.json()["detail"] == "Use at most 30 combining marks in a row."
