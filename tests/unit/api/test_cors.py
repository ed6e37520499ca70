"""CORS: closed, unless the configuration names origins; and then without cookies."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest
from django.conf import settings
from django.test import Client, override_settings

PRODUCTS = "/api/v1/products/"
CORS = "corsheaders.middleware.CorsMiddleware"
SECURITY = "shop.api.security.SecurityHeaders"
OWN, OTHER = "https://www.shop.example", "https://evil.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}


@pytest.fixture
def opened() -> Iterator[None]:
    """The settings that EVERGREEN_CORS_ORIGINS makes."""
    before = settings.MIDDLEWARE.index(SECURITY) + 1
    middleware = [*settings.MIDDLEWARE[:before], CORS, *settings.MIDDLEWARE[before:]]
    with override_settings(CORS_ALLOWED_ORIGINS=[OWN], MIDDLEWARE=middleware):
        yield


def access_control(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower().startswith("access-control-")}


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
def test_no_origin_is_admitted_by_default(method: str):
    answer = Client().generic(method, PRODUCTS, headers={"Origin": OTHER, **PREFLIGHT})
    assert access_control(answer.headers) == {}


@pytest.mark.usefixtures("opened")
def test_a_page_of_a_named_origin_may_call_the_api_and_read_what_it_needs():
    answer = Client().get(PRODUCTS, headers={"Origin": OWN})
    granted = access_control(answer.headers)
    assert granted["access-control-allow-origin"] == OWN
    assert "ETag" in granted["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in granted
    assert "origin" in answer.headers["Vary"].lower()


@pytest.mark.usefixtures("opened")
def test_a_preflight_of_a_named_origin_is_answered_with_methods_and_headers():
    granted = access_control(Client().options(PRODUCTS, headers={"Origin": OWN, **PREFLIGHT}).headers)
    assert "PATCH" in granted["access-control-allow-methods"]
    assert {"authorization", "idempotency-key"} <= set(granted["access-control-allow-headers"].split(", "))


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("origin", [OTHER, "null", "http://www.shop.example", f"{OWN}.evil.example"])
def test_another_origin_is_admitted_to_nothing(origin: str):
    for method in ("GET", "OPTIONS"):
        assert access_control(Client().generic(method, PRODUCTS, headers={"Origin": origin, **PREFLIGHT}).headers) == {}


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("path", ["/api/login/", "/api/docs/", "/livez", "/problems/not-found"])
def test_a_named_origin_may_call_nothing_but_the_api(path: str):
    assert access_control(Client().get(path, headers={"Origin": OWN}).headers) == {}


@pytest.mark.parametrize(("origins", "position"), [("", []), (OWN, [2])])
def test_the_configuration_opens_it(origins: str, position: list[int]):
    program = f"from evergreen.settings import MIDDLEWARE as m; print([i for i, n in enumerate(m) if n == {CORS!r}])"
    environment = {**os.environ, "EVERGREEN_CORS_ORIGINS": origins}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == str(position)
