"""The host of a request is checked whatever is asked for, also where nginx was passed by."""

import pytest
from django.test import Client, override_settings

from shop import bootstrap
from tests.unit.api.client import problem

PATHS = [
    "/",
    "/api/",
    "/api/v1/products/",
    "/api/v1/users/me/",
    "/api/login/",
    "/api/docs/",
    "/api/schema/",
    "/problems/not-found",
    "/static/shop/site.css",
    "/status/",
    "/healthz",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "10.0.0.5:8000", "test server", ""])
def test_a_request_for_another_host_is_refused(path: str, host: str):
    assert problem(Client().get(path, headers={"Host": host})) == (421, "misdirected-request")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_a_request_for_another_host_is_refused_by_any_method(method: str):
    answer = Client().generic(method, "/api/v1/users/", b"{}", headers={"Host": "evil.example"})
    assert problem(answer) == (421, "misdirected-request")


def test_a_browser_at_another_host_gets_a_page_that_names_the_problem():
    answer = Client().get("/api/login/", headers={"Host": "evil.example", "Accept": "text/html"})
    assert (answer.status_code, "Misdirected request" in answer.content.decode()) == (421, True)
    assert not answer.cookies


def test_a_forwarded_host_is_not_believed():
    forged = {"Host": "evil.example", "X-Forwarded-Host": "testserver"}
    assert Client().get("/api/v1/products/", headers=forged).status_code == 421


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_probes_and_prometheus_call_an_instance_by_its_address(path: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "read_fault", str)
    assert Client().get(path, headers={"Host": "172.20.0.31:8000"}).status_code == 200


@override_settings(ALLOWED_HOSTS=[".shop.example", "[::1]"])
@pytest.mark.parametrize(
    "host", ["shop.example", "www.shop.example:8443", "SHOP.EXAMPLE", "shop.example.", "[::1]:8080"]
)
def test_every_form_of_the_shops_own_names_is_served(host: str):
    assert Client().get("/api/v1/products/", headers={"Host": host}).status_code == 200
