"""Hostile input is refused with a problem, at little cost."""

from io import BytesIO
from urllib.parse import urlencode

import orjson
import pytest
from django.core.exceptions import RequestDataTooBig
from django.core.files.base import ContentFile
from django.test import Client, RequestFactory
from rest_framework import serializers

from exactly_once.errors import StoreUnavailable
from shop.api.context import attach_context
from shop.api.fields import List
from shop.api.limits import (
    CREDENTIALS_PATHS,
    MAX_BODY_BYTES,
    MAX_CREDENTIALS_BODY_BYTES,
    MAX_DEPTH,
    MAX_DETAIL_CHARS,
    MAX_FIELD_ERRORS,
    MAX_FORM_FIELDS,
    MAX_KEYS,
    MAX_PATH_CHARS,
    MAX_QUERY_PARAMETERS,
)
from shop.api.request_limits import LimitRequestSize
from shop.api.urls import router
from shop.domain.errors import Invalid
from shop.domain.products import Product
from tests.fakes import FakeStore
from tests.unit.api import schema
from tests.unit.api.client import ApiClient, errors, problem

pytestmark = pytest.mark.usefixtures("bounded_work")

ID = "019a6e30-1b58-7f10-8c2d-0a1b2c3d4e5f"
UNWRITABLE = {"id", "sku", "stock", "is_sold", "role", "created_at", "updated_at", "stock_changed_at", "version"}
UNWRITABLE |= {"code", "redeemed", "is_paused", "is_default"}
PRODUCT = {"sku": "PEAR", "name": "Pear", "price": "1.20", "currency": "EUR"}


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth - 1):
        value = [value]
    return value


def nested_json(field: str, depth: int) -> bytes:
    return b'{"%s":%s%s}' % (field.encode(), b"[" * depth, b"]" * depth)


def id_of(operation: str) -> str:
    """What may stand in the path of an operation."""
    return "none" if operation.startswith(("vouchers_", "shipping_methods_")) else ID


def bodies() -> list:
    """Every operation with a body: method, path, and its fields."""
    return [
        pytest.param(
            method.upper(),
            path.removeprefix("/api/v1").format(id=id_of(operation_id), product=ID),
            name,
            id=f"{operation_id}-{name}",
        )
        for path, methods in schema.document()["paths"].items()
        for method, operation in methods.items()
        if (operation_id := operation["operationId"]) and is_of_fields(operation)
        for name in fields_of(operation)
    ]


def is_of_fields(operation: dict) -> bool:
    """Whether the operation has a body, and that is no file."""
    return "application/json" in operation.get("requestBody", {}).get("content", {})


def fields_of(operation: dict) -> list[str]:
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return list(schema.document()["components"]["schemas"][reference.rsplit("/", 1)[-1]]["properties"])


def fields_of_bodies() -> list:
    bodies_by_name = {
        type(operation.body).__name__: operation.body
        for _, viewset, _ in router.registry
        for operation in viewset.operations.values()  # type: ignore[attr-defined]
        if operation.body is not None
    }
    return [
        pytest.param(body, name, id=f"{kind}-{name}") for kind, body in bodies_by_name.items() for name in body.fields
    ]


# Bodies: bytes, names, depth.


@pytest.mark.parametrize("path", ["/api/v1/products/", "/api/logout/", *sorted(CREDENTIALS_PATHS)])
def test_a_body_above_the_limit_of_its_path_is_refused_unread(path: str):
    limit = MAX_CREDENTIALS_BODY_BYTES if path in CREDENTIALS_PATHS else MAX_BODY_BYTES

    class Unreadable(BytesIO):
        def read(self, *_: int | None) -> bytes:
            raise AssertionError("The body was read.")

    for content_type in ("application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        request = RequestFactory().post(path, b"", content_type=content_type)
        request.META["CONTENT_LENGTH"] = str(limit + 1)
        attach_context(request)
        request._stream = Unreadable()
        response = LimitRequestSize(lambda _: pytest.fail("The request went on."))(request)
        assert problem(response) == (413, "payload-too-large")


def test_django_reads_no_body_above_the_limit_either():
    with pytest.raises(RequestDataTooBig):
        _ = RequestFactory().generic("POST", "/", b"x" * (MAX_BODY_BYTES + 1)).body


def test_a_path_above_the_limit_is_not_found_before_it_is_resolved():
    request = RequestFactory().get("/api/v1/products/by-sku/" + "A" * MAX_PATH_CHARS)
    attach_context(request)
    assert problem(LimitRequestSize(lambda _: pytest.fail("The request went on."))(request)) == (404, "not-found")


@pytest.mark.parametrize("announced", ["-1", "1e3", "\u0661", "9" * 16, "9" * 5000])
def test_an_unreadable_content_length_is_refused(announced: str):
    request = RequestFactory().generic("POST", "/api/v1/products/", b"")
    request.META["CONTENT_LENGTH"] = announced
    attach_context(request)
    assert problem(LimitRequestSize(lambda _: pytest.fail("The request went on."))(request))[0] == 413


def test_a_body_without_content_length_is_not_read(staff: ApiClient):
    # WSGI's chunked bodies have no CONTENT_LENGTH.
    request = RequestFactory().generic("POST", "/api/v1/products/", b"x" * 1_000)
    source = request.META["wsgi.input"]
    unannounced = type(request)({**request.META, "CONTENT_LENGTH": ""})
    assert (unannounced.body, len(source.read())) == (b"", 1_000)


def test_a_product_of_the_longest_texts_fits_into_the_body_limit(staff: ApiClient):
    apple = "\\ud83c\\udf4f"
    texts = {"name": 200, "category": 200, "company": 200, "description": 10_000}
    members = [f'"{name}":"{apple * length}"' for name, length in texts.items()]
    members += ['"sku":"A"', '"price":"999999999999"', '"currency":"JPY"']
    assert staff.post("/products/", b"{%s}" % ",".join(members).encode()).status_code == 201


def test_131000_unknown_names_are_refused_by_size(staff: ApiClient):
    body = b"{%s}" % b",".join(b'"%d":0' % number for number in range(131_000))
    assert problem(staff.post("/products/", body)) == (413, "payload-too-large")


def test_an_object_has_at_most_200_names(staff: ApiClient):
    unknown = {str(number): 0 for number in range(MAX_KEYS + 1)}
    for body in (unknown, {**PRODUCT, "name": unknown}, {**PRODUCT, "name": [[unknown]]}):
        response = staff.post("/products/", orjson.dumps(body))
        assert problem(response) == (400, "malformed-body")
        assert response.json()["detail"] == "Use at most 200 names in an object."


def test_at_most_100_field_errors_are_collected(customer: ApiClient):
    line = {str(number): 0 for number in range(120)}
    response = customer.post("/purchases/", {"items": [line] * 90})
    assert len(errors(response)) == MAX_FIELD_ERRORS
    assert {pointer.split("/")[2] for pointer, _ in errors(response)} == {"0"}


def test_items_behind_the_first_100_field_errors_are_not_validated():
    validated = []

    class Refusing(serializers.Field):
        def to_internal_value(self, data: int) -> int:
            validated.append(data)
            raise serializers.ValidationError("Refused.")

    with pytest.raises(serializers.ValidationError):
        List(child=Refusing(), max_items=1_000).run_validation(list(range(1_000)))
    assert len(validated) == MAX_FIELD_ERRORS


def test_json_nests_at_most_32_deep(staff: ApiClient):
    assert errors(staff.post("/products/", orjson.dumps({**PRODUCT, "name": nested(MAX_DEPTH - 1)}))) == [
        ("/name", "invalid")
    ]
    response = staff.post("/products/", orjson.dumps({**PRODUCT, "name": nested(MAX_DEPTH)}))
    assert problem(response) == (400, "malformed-body")
    assert response.json()["detail"] == "Nest objects and lists at most 32 deep."


@pytest.mark.parametrize(("method", "path", "field"), bodies())
def test_json_1000_deep_is_refused_in_every_field_of_every_operation(
    staff: ApiClient, method: str, path: str, field: str
):
    response = staff.send(method, path, nested_json(field, 1_000), Idempotency_Key="of-a-test")
    assert problem(response) == (400, "malformed-body")


@pytest.mark.parametrize(("method", "path", "field"), bodies())
def test_a_list_is_a_plain_field_error_in_every_field_of_every_operation(
    staff: ApiClient, method: str, path: str, field: str
):
    response = staff.send(method, path, nested_json(field, MAX_DEPTH - 1), Idempotency_Key="of-a-test")
    if field in UNWRITABLE and method != "POST":
        # Compared with what is there, and nothing is.
        assert problem(response) in {(400, "validation-error"), (404, "not-found")}
    else:
        details = [error["detail"] for error in response.json()["errors"] if error["pointer"].startswith(f"/{field}")]
        assert (response.status_code, len(details), len(details[0]) < 200) == (400, 1, True)


@pytest.mark.parametrize("field", sorted({"id", "sku", "stock", "is_sold", "created_at", "version"}))
def test_a_list_is_not_the_value_of_a_read_only_field(staff: ApiClient, apple: Product, field: str):
    response = staff.patch(f"/products/{apple.id}/", nested_json(field, MAX_DEPTH - 1))
    assert errors(response) == [(f"/{field}", "read-only-field")]


@pytest.mark.parametrize(("body", "field"), fields_of_bodies())
def test_no_field_converts_its_input_to_a_string(body, field: str):
    class Opaque(list):
        def __str__(self) -> str:
            raise AssertionError("A string was made of the input.")

        __repr__ = __format__ = __str__  # type: ignore[assignment]

    for value in (Opaque(), Opaque([Opaque()]), nested(5_000), {"a": Opaque()}, 5e300, -1, True):
        try:
            body.parse({field: value})
        except Invalid as response:
            assert all(len(error.detail) < 200 for error in response.errors)


# Queries, headers, forms.


def test_a_query_has_at_most_50_parameters(anyone: ApiClient):
    assert problem(anyone.get("/products/?" + "&".join(["a=1"] * MAX_QUERY_PARAMETERS))) == (400, "unknown-field")
    response = anyone.get("/products/?" + "&".join(["a=1"] * (MAX_QUERY_PARAMETERS + 1)))
    assert problem(response) == (400, "bad-request")
    assert response.json()["detail"] == "Use at most 50 query parameters."


@pytest.mark.parametrize("cursor", ["A" * 8_100, "%CC%95" * 800])
def test_a_long_cursor_is_refused(anyone: ApiClient, cursor: str):
    assert problem(anyone.get(f"/products/?cursor={cursor}")) == (400, "invalid-cursor")


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match", "Accept"])
def test_a_long_header_is_refused(staff: ApiClient, name: str):
    response = staff.send("DELETE", f"/products/{ID}/", **{name: '"1",' * 20_000})
    assert problem(response) == (400, "bad-request")
    assert response.json()["detail"] == f"Use at most 2000 characters in {name}."


def test_a_long_token_is_refused_without_a_look_up(anyone: ApiClient, store: FakeStore):
    store.unavailable = StoreUnavailable()
    assert problem(anyone.get("/users/me/", Authorization="Bearer " + "x" * 100_000)) == (401, "unauthenticated")


def test_a_long_idempotency_key_is_refused(customer: ApiClient):
    response = customer.post("/purchases/", {"items": [{"product": ID, "quantity": 1}]}, Idempotency_Key="k" * 100_000)
    assert errors(response) == [("Idempotency-Key", "invalid-idempotency-key")]


@pytest.mark.parametrize("content_type", ["text/" + "x" * 1_900, "text/" + "x" * 100_000])
def test_a_message_does_not_repeat_a_long_header(staff: ApiClient, content_type: str):
    response = staff.post("/products/", b"x", Content_Type=content_type)
    assert response.status_code in (400, 415)
    assert len(response.json()["detail"]) <= MAX_DETAIL_CHARS


def test_a_message_does_not_repeat_a_long_method():
    response = Client().generic("X" * 10_000, "/api/v1/products/")
    assert (response.status_code, len(response.json()["detail"]) <= MAX_DETAIL_CHARS) == (405, True)


def test_an_error_repeats_an_invalid_choice_in_part(staff: ApiClient):
    response = staff.post("/products/", {**PRODUCT, "currency": "E" * 100_000})
    assert errors(response) == [("/currency", "invalid-choice")]
    assert len(response.json()["detail"]) < 200


def test_a_form_has_at_most_200_fields():
    body = urlencode({str(number): "" for number in range(MAX_FORM_FIELDS + 1)})
    response = Client().post("/api/login/", body, content_type="application/x-www-form-urlencoded")
    assert problem(response) == (400, "bad-request")


def test_a_form_with_a_file_is_refused():
    browser = Client(enforce_csrf_checks=True)
    browser.get("/api/login/")
    response = browser.post("/api/login/", {"email": ContentFile(b"x", "x.txt")})
    assert problem(response) == (400, "bad-request")


def test_a_message_does_not_repeat_a_long_origin():
    form = urlencode({"email": "a", "password": "b"})
    response = Client(enforce_csrf_checks=True).post(
        "/api/login/",
        form,
        content_type="application/x-www-form-urlencoded",
        headers={"Origin": f"https://{'x' * 100_000}.example"},
    )
    assert (problem(response), len(response.json()["detail"]) <= MAX_DETAIL_CHARS) == ((403, "forbidden"), True)
