"""The headers of every response, and what is logged about a request."""

import base64
import hashlib
import re
import socket
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import structlog
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.test import Client

from evergreen.threaded_worker import BufferedHead
from shop import bootstrap
from shop.api.documents import SCROLL_BAR_STYLE
from shop.domain.products import Product
from shop.domain.users import User
from tests.unit.api.client import ApiClient

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def directives(response: HttpResponse) -> dict[str, str]:
    """The directives of a Content-Security-Policy, whose order means nothing."""
    parts = response.headers["Content-Security-Policy"].split("; ")
    return {name: sources for name, _, sources in (part.partition(" ") for part in parts)}


@pytest.mark.parametrize(
    "path", ["/livez", "/api/v1/products/", "/nothing", "/api/login/", "/api/docs/", "/api/redoc/"]
)
def test_every_response_has_the_security_headers_its_request_id_and_its_length(path: str):
    response = Client().get(path, headers={"X-Request-ID": "0123456789abcdef" * 2})
    assert EVERYWHERE.items() <= dict(response.headers).items()
    assert response.headers["X-Request-ID"] == "0123456789abcdef" * 2
    assert directives(response).items() >= {"default-src": "'none'", "frame-ancestors": "'none'"}.items()
    assert response.headers["Content-Length"] == str(len(response.content))


def test_the_content_security_policy_allows_this_server_alone():
    assert directives(Client().get("/api/v1/products/")) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


def test_redoc_alone_may_insert_two_known_styles_and_use_workers():
    empty = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    more = {"style-src": f"'self' 'sha256-{empty}' {SCROLL_BAR_STYLE}", "worker-src": "blob:"}
    assert directives(Client().get("/api/redoc/")) == directives(Client().get("/api/docs/")) | more


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/problems/not-found", "/api/v1/", "/api/v1/products/", "/api/login/", "/api/docs/", "/api/redoc/"],
)
def test_no_page_has_inline_code_or_may_run_it(path: str):
    response = Client().get(path, headers={"Accept": "text/html"})
    page = response.content.decode()
    assert "<html" in page
    assert re.findall(r"<style|<[^>]+ style=|<[^>]+ on[a-z]+=|javascript:", page) == []
    scripts = re.findall(r"<script([^>]*)>", page)
    assert [tag for tag in scripts if "src=" not in tag and "application/json" not in tag] == []
    assert "unsafe" not in response.headers["Content-Security-Policy"]


def test_an_isolated_instance_answers_502_unless_nginx_asks_for_what_it_has(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "is_cut_off", lambda: True)
    assert Client().get("/api/v1/products/").status_code == 502
    assert Client().get("/api/v1/products/", headers={"X-Serve-Degraded": "1"}).status_code == 200
    assert Client().get("/livez").status_code == 200


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection of an instance, and nginx's end of it."""
    server, nginx = socket.socketpair()
    with server, nginx:
        yield server, nginx


def test_a_write_whose_requester_has_hung_up_is_not_begun(
    customer: ApiClient, connection: tuple[socket.socket, socket.socket]
):
    server, nginx = connection
    nginx.sendall(b"a part of the body that nothing has read")
    nginx.close()
    environ: Any = {"gunicorn.socket": BufferedHead(server)}
    assert Client().post("/api/v1/users/", **environ).status_code == 502
    assert Client().post("/api/v1/users/", headers={"X-Serve-Degraded": "1"}, **environ).status_code == 502
    assert Client().get("/api/v1/products/", **environ).status_code == 200


def test_a_write_whose_requester_waits_is_begun(customer: ApiClient, connection: tuple[socket.socket, socket.socket]):
    server, nginx = connection
    nginx.sendall(b"a part of the body that nothing has read")
    environ: Any = {"gunicorn.socket": BufferedHead(server)}
    assert Client().post("/api/v1/users/", **environ).status_code == 415


def test_a_write_that_waited_too_long_for_its_turn_goes_to_another_instance():
    late = {"X-Request-Timeout": "-1", "X-Request-Start": f"{time.time() - 1e6:.3f}"}
    with mock.patch("shop.api.context.MIN_TRY_S", 0.0):
        response = Client().post("/api/v1/users/", headers=late)
        assert (response.status_code, response.headers["X-Accel-Redirect"]) == (502, "@not_tried")
        # All instances said so: this one says what it can.
        assert Client().post("/api/v1/users/", headers={**late, "X-Serve-Degraded": "1"}).status_code == 415


def test_a_head_response_has_the_headers_of_a_get_and_no_body():
    whole, head = Client().get("/api/v1/products/"), Client().head("/api/v1/products/")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]


def test_a_write_is_logged_with_its_user_and_status(customer: ApiClient, ada: User):
    with structlog.testing.capture_logs() as lines:
        customer.post("/auth/logout/", X_Request_ID="5" * 32)
    assert {**lines[0], "request_time": 0} == {
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


def test_a_replay_is_logged_with_the_request_that_took_effect(customer: ApiClient, apple: Product):
    order = {"items": [{"product": apple.id, "quantity": 1}]}
    with structlog.testing.capture_logs() as lines:
        for id in ("5" * 32, "6" * 32):
            customer.post("/purchases/", order, X_Request_ID=id, Idempotency_Key="mine")
    assert [(line["request_id"], line["origin_request_id"]) for line in lines] == [
        ("5" * 32, None),
        ("6" * 32, "5" * 32),
    ]


def test_a_replayed_refusal_is_logged_with_the_request_that_was_refused_first(customer: ApiClient, apple: Product):
    order = {"items": [{"product": apple.id, "quantity": 1_000}]}
    with structlog.testing.capture_logs() as lines:
        for id in ("5" * 32, "6" * 32):
            customer.post("/purchases/", order, X_Request_ID=id, Idempotency_Key="mine")
    assert [line["origin_request_id"] for line in lines] == [None, "5" * 32]


def test_nginx_gets_the_route_and_the_user_for_its_log(customer: ApiClient, anyone: ApiClient, ada: User):
    headers = customer.get("/users/me/").headers
    assert (headers["X-Evergreen-Route"], headers["X-Evergreen-User"]) == ("users-me", ada.id)
    assert "X-Evergreen-User" not in anyone.get("/products/").headers


def test_successful_reads_are_not_logged(anyone: ApiClient):
    with structlog.testing.capture_logs() as lines:
        anyone.get("/products/")
        anyone.get("/nothing/")
    assert lines == []


def test_emails_and_passwords_are_not_logged(anyone: ApiClient):
    with structlog.testing.capture_logs() as lines:
        anyone.post("/auth/token/", {"email": "ada@example.com", "password": "wrong horse"})
    assert len(lines) == 1
    assert not {"ada@example.com", "wrong horse"} & set(map(str, lines[0].values()))


@pytest.mark.parametrize(
    "path", ["shop/site.css", "rest_framework/js/csrf.js", "drf_spectacular_sidecar/redoc/LICENSE"]
)
def test_static_files_are_served_from_the_packages(path: str):
    assert finders.find(path)
    response = Client().get(f"/static/{path}")
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "max-age=3600, public")
    response.close()


def test_no_cache_stores_what_an_authenticated_user_gets(customer: ApiClient, anyone: ApiClient):
    for path in ("/users/me/", "/purchases/", "/products/", "/auth/sessions/", "/nothing/"):
        assert customer.get(path).headers["Cache-Control"] == "no-store", path
    assert "Cache-Control" not in anyone.get("/products/").headers


def test_no_cache_stores_the_answer_to_a_write_a_refused_token_or_a_cookie(anyone: ApiClient):
    assert anyone.post("/users/", {}).headers["Cache-Control"] == "no-store"
    assert anyone.get("/users/me/", Authorization="Bearer unknown").headers["Cache-Control"] == "no-store"
    form = Client().get("/api/login/")
    assert form.cookies
    assert form.headers["Cache-Control"] == "no-store"
