"""Request bodies: the values that are accepted, and the errors of all others."""

import pytest

from shop.domain.products import Product
from tests.unit.api.client import ApiClient

PLAIN = {"sku": "PEAR", "name": "Pear", "price": "1.20", "currency": "EUR"}


def refused_fields(client: ApiClient, **changes: object) -> list[str]:
    """Pointers of the field errors of a new product with these changes."""
    response = client.post("/products/", {**PLAIN, **changes})
    assert response.status_code in (201, 400)
    return [error["pointer"] for error in response.json().get("errors", ())]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b'{"name": NaN}',
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b'{"name": 1,}',
        b'{"name": "Pear", "name": "Plum"}',
        b'{"name": "Pear", "na\\u006de": "Pear"}',
        b'{"items": [{"product": 1, "quantity": {"a": 1, "a": 2}}]}',
        b"[" * 5000,
        b'{"a":' * 5000,
    ],
)
def test_a_body_other_than_a_json_object_is_malformed(staff: ApiClient, body: bytes):
    response = staff.post("/products/", body)
    assert (response.status_code, response.json()["code"]) == (400, "malformed-body")


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/xml", "application/jsonlines", "application/x-www-form-urlencoded", "*/*", "json", ""],
)
def test_other_media_types_than_json_are_unsupported(staff: ApiClient, media_type: str):
    response = staff.post("/products/", b"name=Pear", Content_Type=media_type)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-media-type")


def test_a_name_may_be_used_again_in_another_object(staff: ApiClient):
    body = b'{"sku": "PEAR", "name": {"name": 1}, "price": {"name": 1}}'
    response = staff.post("/products/", body)
    assert (response.status_code, response.json()["code"]) == (400, "validation-error")


@pytest.mark.parametrize("text", ["\u200b", "\u200b \u2060", " ", "\u3164", "\u2800", "\u0301", "\u00ad\ufeff"])
def test_a_name_without_a_visible_character_is_refused(staff: ApiClient, text: str):
    assert refused_fields(staff, name=text, category=text) == ["/name", "/category"]


@pytest.mark.parametrize("text", ["a\u200b", " a", "\U0001f98a", "\u0644\u200d", "\u0301a"])
def test_a_name_with_a_visible_character_is_accepted(staff: ApiClient, text: str):
    assert refused_fields(staff, name=text) == []


def test_a_media_type_may_have_parameters_and_any_case(staff: ApiClient):
    response = staff.post("/products/", PLAIN, Content_Type="Application/JSON; charset=utf-8")
    assert response.status_code == 201


def test_all_field_errors_are_returned_at_once(staff: ApiClient):
    response = staff.post("/products/", {"sku": "a b", "name": "", "currency": "EURO", "color": "green", "version": 1})
    codes = {error["pointer"]: error["code"] for error in response.json()["errors"]}
    assert codes == {
        "/sku": "invalid-sku",
        "/name": "blank",
        "/price": "required",
        "/currency": "invalid-choice",
        "/color": "unknown-field",
        "/version": "read-only-field",
    }
    assert response.json()["code"] == "validation-error"


def test_field_errors_of_one_code_are_a_problem_of_that_code(staff: ApiClient):
    assert staff.post("/products/", {**PLAIN, "color": "green"}).json()["code"] == "unknown-field"
    assert staff.post("/products/", {**PLAIN, "id": "1"}).json()["code"] == "read-only-field"


def test_of_200_field_errors_100_are_listed(staff: ApiClient):
    response = staff.post("/products/", {f"field-{number}": 0 for number in range(200)})
    assert len(response.json()["errors"]) == 100


@pytest.mark.parametrize(
    "sku",
    ["A", "a.b_c~d-1", "0" * 64],
)
def test_a_sku_needs_no_escaping_in_a_url(staff: ApiClient, sku: str):
    assert refused_fields(staff, sku=sku) == []
    assert staff.get(f"/products/by-sku/{sku}/").json()["sku"] == sku


@pytest.mark.parametrize("sku", ["", "a/b", "a b", "ä", "..", "-a", "0" * 65, "a\n", 7, None])
def test_an_invalid_sku_is_refused(staff: ApiClient, sku: object):
    assert refused_fields(staff, sku=sku) == ["/sku"]


@pytest.mark.parametrize("name", ["x" * 200, "Äpfel 🍏", "a\u200db"])
def test_a_name_may_have_any_script(staff: ApiClient, name: str):
    assert refused_fields(staff, name=name) == []


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", "a\x00b", "a\x7fb", "a\x85b", 7, True, None, ["a"], {}])
def test_an_invalid_name_is_refused(staff: ApiClient, name: object):
    assert refused_fields(staff, name=name) == ["/name"]


def test_a_description_may_have_line_breaks(staff: ApiClient):
    assert refused_fields(staff, description="One\r\n\ttwo" + "x" * 9990) == []
    assert refused_fields(staff, sku="B", description="x" * 10_001) == ["/description"]
    assert refused_fields(staff, sku="B", description="a\x00b") == ["/description"]


def test_text_is_stored_in_nfc_and_not_trimmed(staff: ApiClient):
    assert staff.post("/products/", {**PLAIN, "name": "A\u0308pfel "}).json()["name"] == "\u00c4pfel "


@pytest.mark.parametrize("price", ["0", "0.01", "9999999999.99", "007"])
def test_a_price_is_a_decimal_string(staff: ApiClient, price: str):
    assert refused_fields(staff, price=price) == []


@pytest.mark.parametrize(
    "price", ["", "-1", "+1", "1.", ".5", "1e3", "1,5", "1.234", "99999999999.99", "1 ", "\u0661", "NaN", 1, 1.5, None]
)
def test_an_invalid_price_is_refused(staff: ApiClient, price: object):
    assert refused_fields(staff, price=price) == ["/price"]


@pytest.mark.parametrize("day", ["2026-09-30", "0001-01-01", None])
def test_a_date_is_an_iso_8601_date(staff: ApiClient, day: object):
    assert refused_fields(staff, date_manufactured=day) == []


@pytest.mark.parametrize("day", ["", "2026-02-30", "20260930", "2026-09-30T00:00:00Z", "2026-W01-1", 20260930])
def test_an_invalid_date_is_refused(staff: ApiClient, day: object):
    assert refused_fields(staff, date_manufactured=day) == ["/date_manufactured"]


@pytest.mark.parametrize("stock", [0, 2**31 - 1, 5.0])
def test_stock_is_a_whole_number(staff: ApiClient, stock: float):
    assert refused_fields(staff, stock=stock) == []


@pytest.mark.parametrize("stock", [-1, 2**31, 1e30, 1.5, "1", True, None])
def test_stock_out_of_bounds_or_not_an_integer_is_refused(staff: ApiClient, stock: object):
    assert refused_fields(staff, stock=stock) == ["/stock"]


def test_stock_never_exceeds_its_maximum(staff: ApiClient, apple: Product):
    response = staff.post(f"/products/{apple.id}/stock/", {"delta": 2**31 - 1, "reason": "Too many."})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "/delta")


@pytest.mark.parametrize("reason", ["", "x" * 501, None])
def test_a_reason_is_required_and_limited_in_length(staff: ApiClient, apple: Product, reason: object):
    response = staff.post(f"/products/{apple.id}/stock/", {"delta": 1, "reason": reason})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "/reason")
