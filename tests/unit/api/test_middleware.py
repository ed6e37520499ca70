"""What every answer carries, and what is written down about it."""

import pytest
import structlog
from django.contrib.staticfiles import finders
from django.test import Client

from shop import bootstrap
from shop.domain.products import Product
from shop.domain.users import User
from tests.unit.api.client import ApiClient

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.mark.parametrize(
    "path", ["/livez", "/api/v1/products/", "/nothing", "/api/login/", "/api/docs/", "/api/redoc/"]
)
def test_every_answer_is_kept_in_its_place(path: str):
    answer = Client().get(path, headers={"X-Request-ID": "0123456789abcdef" * 2})
    assert EVERYWHERE.items() <= dict(answer.headers).items()
    assert answer.headers["X-Request-ID"] == "0123456789abcdef" * 2
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Length"] == str(len(answer.content))


def test_an_instance_that_is_cut_off_has_nginx_ask_the_other(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "is_cut_off", lambda: True)
    assert Client().get("/api/v1/products/").status_code == 502
    assert Client().get("/api/v1/products/", headers={"X-Evergreen-Anyway": "1"}).status_code == 200
    assert Client().get("/livez").status_code == 200


def test_a_head_is_the_headers_of_a_get():
    whole, head = Client().get("/api/v1/products/"), Client().head("/api/v1/products/")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]


def test_writes_are_logged_by_whom_and_with_what_result(customer: ApiClient, ada: User):
    with structlog.testing.capture_logs() as lines:
        customer.post("/auth/logout/", X_Request_ID="5" * 32)
    said = {**lines[0], "request_time": 0}
    assert said == {
        "event": "request",
        "log_level": "info",
        "request_id": "5" * 32,
        "method": "POST",
        "route": "auth-logout",
        "status": 204,
        "request_time": 0,
        "user": ada.id,
        "origin_request_id": None,
    }


def test_a_replay_is_logged_with_the_request_that_was_carried_out(customer: ApiClient, apple: Product):
    order = {"items": [{"product": apple.id, "quantity": 1}]}
    with structlog.testing.capture_logs() as lines:
        for id in ("5" * 32, "6" * 32):
            customer.post("/purchases/", order, X_Request_ID=id, Idempotency_Key="mine")
    assert [(line["request_id"], line["origin_request_id"]) for line in lines] == [
        ("5" * 32, None),
        ("6" * 32, "5" * 32),
    ]


def test_a_refusal_that_is_replayed_is_logged_so_too(customer: ApiClient, apple: Product):
    order = {"items": [{"product": apple.id, "quantity": 1_000}]}
    with structlog.testing.capture_logs() as lines:
        for id in ("5" * 32, "6" * 32):
            customer.post("/purchases/", order, X_Request_ID=id, Idempotency_Key="mine")
    assert [line["origin_request_id"] for line in lines] == [None, "5" * 32]


def test_nginx_is_told_what_it_writes_down(customer: ApiClient, anyone: ApiClient, ada: User):
    told = customer.get("/users/me/").headers
    assert (told["X-Evergreen-Route"], told["X-Evergreen-User"]) == ("users-me", ada.id)
    assert "X-Evergreen-User" not in anyone.get("/products/").headers


def test_reads_are_left_to_nginx(anyone: ApiClient):
    with structlog.testing.capture_logs() as lines:
        anyone.get("/products/")
        anyone.get("/nothing/")
    assert lines == []


def test_nothing_personal_is_logged(anyone: ApiClient):
    with structlog.testing.capture_logs() as lines:
        anyone.post("/auth/token/", {"email": "ada@example.com", "password": "wrong horse"})
    assert len(lines) == 1
    assert not {"ada@example.com", "wrong horse"} & set(map(str, lines[0].values()))


@pytest.mark.parametrize(
    "path", ["shop/page.css", "rest_framework/js/csrf.js", "drf_spectacular_sidecar/redoc/LICENSE"]
)
def test_static_files_are_served_from_where_they_are(path: str):
    assert finders.find(path)
    answer = Client().get(f"/static/{path}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "max-age=3600, public")
    answer.close()


def test_what_somebody_signed_in_is_told_is_kept_by_no_cache_between(customer, anyone):
    assert customer.get("/users/me/").headers["Cache-Control"] == "private, no-cache"
    assert "Cache-Control" not in anyone.get("/products/").headers
