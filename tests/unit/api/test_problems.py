"""Problems (RFC 9457): every error is one, as JSON for programs and as a page for browsers."""

import logging

import pytest
from django.core.exceptions import SuspiciousOperation
from django.test import Client

from exactly_once.errors import (
    IdempotencyKeyReused,
    OutcomeErased,
    OutcomeUnknown,
    RateLimited,
    StoreUnavailable,
    Unavailable,
)
from shop import bootstrap
from shop.api.problems import CODES, PROBLEMS, validation_code
from shop.domain import errors
from shop.domain.cart_errors import CartRefusal
from shop.domain.voucher_errors import VoucherRefusal
from tests.fakes import FakeStore
from tests.unit.api.client import ApiClient

ABSTRACT = {errors.ShopError, errors.Refusal, CartRefusal, VoucherRefusal}
#: What an application sees of the engine's errors; the others are its own affair.
ENGINE = {IdempotencyKeyReused, OutcomeErased, OutcomeUnknown, RateLimited, StoreUnavailable}


def below(kind: type) -> set[type]:
    return {kind}.union(*map(below, kind.__subclasses__()))


def test_every_error_of_shop_and_engine_has_a_problem():
    assert set(CODES) == below(errors.ShopError) - ABSTRACT | ENGINE


def test_every_code_is_a_problem():
    assert set(CODES.values()) <= set(PROBLEMS)


def test_every_refusal_is_a_409_412_or_422():
    assert {PROBLEMS[CODES[kind]].status for kind in below(errors.Refusal) - ABSTRACT} == {409, 412, 422}


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (["unknown-field"], "unknown-field"),
        (["unknown-field", "unknown-field"], "unknown-field"),
        (["unknown-field", "read-only-field"], "validation-error"),
        (["max-length"], "validation-error"),
    ],
)
def test_field_errors_of_one_code_that_is_a_problem_are_that_problem(codes: list[str], said: str):
    assert validation_code([errors.FieldError("/x", code, "") for code in codes]) == said


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_problem_has_a_page(code: str):
    page = Client().get(PROBLEMS[code].type)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert code in page.content.decode()


def test_an_unknown_problem_has_no_page():
    assert Client().get("/problems/bad-luck").status_code == 404


def test_a_problem_has_the_members_of_rfc_9457(anyone: ApiClient):
    response = anyone.get("/users/me/", X_Request_ID="9" * 32)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "/problems/unauthenticated",
        "title": "Authentication required",
        "status": 401,
        "detail": "Sign in first: send Authorization: Bearer <token>.",
        "instance": f"urn:request:{'9' * 32}",
        "code": "unauthenticated",
    }


@pytest.mark.parametrize(
    "path", ["/nothing/", "/api/nothing/", "/api/v1/nothing/", "/api/v1/nothing", "/api/v1/%00/", "/static/none"]
)
def test_an_unknown_url_is_a_not_found_problem(path: str):
    response = Client().get(path)
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/problem+json")
    assert response.json()["code"] == "not-found"


def test_a_browser_gets_an_html_page_of_the_problem():
    response = Client().get("/nothing", headers={"Accept": "text/html"})
    assert (response.status_code, response.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "Not found" in response.content.decode()


@pytest.mark.parametrize(
    "accepted", ["application/json, text/html;q=0.5", "text/html;q=0, */*", "*/*", "application/xml", "", "nonsense"]
)
@pytest.mark.parametrize("path", ["/nothing", "/api/v1/users/me/"])
def test_a_client_that_prefers_json_gets_a_problem_document(path: str, accepted: str):
    assert Client().get(path, headers={"Accept": accepted}).headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "accepted", ["text/html, */*", "application/json;q=0.5, text/html", "text/html;q=0.9,*/*;q=0.8"]
)
@pytest.mark.parametrize("path", ["/nothing", "/api/v1/users/me/"])
def test_a_client_that_prefers_html_gets_a_page(path: str, accepted: str):
    assert Client().get(path, headers={"Accept": accepted}).headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/healthz", "/problems/not-found", "/api/schema/", "/api/docs/", "/api/redoc/"]
)
def test_read_only_pages_answer_405_with_allow_to_other_methods(method: str, path: str):
    response = Client(enforce_csrf_checks=True).generic(method, path)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
    assert response.json()["code"] == "method-not-allowed"


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("DELETE", "/api/login/", "GET, HEAD, POST"), ("GET", "/api/logout/", "POST")]
)
def test_login_and_logout_answer_405_with_allow_to_other_methods(method: str, path: str, allowed: str):
    response = Client(enforce_csrf_checks=True).generic(method, path)
    assert (response.status_code, response.headers["Allow"]) == (405, allowed)
    assert response.json()["code"] == "method-not-allowed"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/products/", "GET, POST, HEAD"),
        ("PUT", "/users/me/", "GET, HEAD"),
        ("GET", "/auth/token/", "POST"),
        ("OPTIONS", "/products/", "GET, POST, HEAD"),
        ("TRACE", "/", "GET, HEAD"),
        ("BREW", "/purchases/", "GET, POST, HEAD"),
    ],
)
def test_an_unsupported_method_gets_405_with_allow(anyone: ApiClient, method: str, path: str, allowed: str):
    response = anyone.send(method, path)
    assert (response.status_code, response.json()["code"]) == (405, "method-not-allowed")
    assert set(response.headers["Allow"].split(", ")) == set(allowed.split(", "))


def test_a_suspicious_operation_outside_of_drf_is_a_bad_request(monkeypatch: pytest.MonkeyPatch):
    def suspect() -> str:
        raise SuspiciousOperation("an inner detail")

    monkeypatch.setattr(bootstrap, "read_fault", suspect)
    response = Client().get("/readyz")
    assert (response.status_code, response.json()["code"]) == (400, "bad-request")
    assert b"inner detail" not in response.content


@pytest.mark.parametrize(
    ("fault", "code"),
    [(StoreUnavailable("redis-1 is gone"), "store-unavailable"), (OutcomeUnknown(), "outcome-unknown")],
)
def test_an_unavailable_store_is_503_with_retry_after(
    staff: ApiClient, store: FakeStore, fault: Unavailable, code: str
):
    store.unavailable = fault
    response = staff.post("/products/", {"sku": "X", "name": "X", "price": "1", "currency": "EUR"})
    assert (response.status_code, response.json()["code"], response.headers["Retry-After"]) == (503, code, "1")
    assert b"redis-1" not in response.content


def test_an_unforeseen_error_is_logged_in_full_and_answered_without_details(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken() -> None:
        raise RuntimeError("an inner detail")

    monkeypatch.setattr(bootstrap, "get_shop", broken)
    logging.getLogger("django.request").addHandler(caplog.handler)
    response = Client(raise_request_exception=False).get("/api/v1/products/")
    logging.getLogger("django.request").removeHandler(caplog.handler)
    assert (response.status_code, response.json()["code"]) == (500, "internal-error")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert b"inner detail" not in response.content
    assert "an inner detail" in str(caplog.records[0].exc_info)
