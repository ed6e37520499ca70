"""Headers that are made once: the same as their libraries would make for each response."""

from typing import cast

import pytest
from csp.decorators import csp_update
from csp.middleware import CSPMiddleware
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.middleware.security import SecurityMiddleware
from django.test import RequestFactory, override_settings

from shop.api.headers import FixedHeaders, set_ascii
from shop.api.hosts import _is_ours
from shop.api.security import SecurityHeaders
from tests.unit.api.test_middleware import directives

HOSTS = [
    "shop.example",
    "www.shop.example:8443",
    "SHOP.EXAMPLE.",
    "[::1]:80",
    "evil.example",
    "a b",
    "",
    "shop.example@x",
]


@csp_update({"worker-src": ["blob:"]})
def view_with_policy(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"page")


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"{}", content_type="application/json")


def missing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=404, headers={"Referrer-Policy": "no-referrer"})


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"{}"]))


@pytest.mark.parametrize("view", [plain, missing, streamed, view_with_policy])
@override_settings(SECURE_REFERRER_POLICY="same-origin")
def test_the_security_headers_are_those_of_django_and_django_csp(view):
    def both(request: HttpRequest) -> HttpResponseBase:
        return cast(HttpResponseBase, SecurityMiddleware(CSPMiddleware(view))(request))

    request = RequestFactory().get("/")
    ours, theirs = SecurityHeaders(view)(request), both(request)
    policy = "Content-Security-Policy"
    assert {**ours.headers, policy: directives(ours)} == {**theirs.headers, policy: directives(theirs)}


def test_a_policy_that_a_view_changed_stays_with_its_response():
    middleware = SecurityHeaders(view_with_policy)
    assert "worker-src" in directives(middleware(RequestFactory().get("/")))
    assert "worker-src" not in directives(SecurityHeaders(plain)(RequestFactory().get("/")))


def test_fixed_headers_replace_none_and_share_nothing():
    fixed = FixedHeaders({"X-Kind": "fixed", "Vary": "Accept"})
    first, second = HttpResponse(headers={"vary": "Cookie"}), HttpResponse()
    fixed.add_missing(first)
    first["X-Kind"] = "changed"
    fixed.add_missing(second)
    assert (first["Vary"], first["x-kind"]) == ("Cookie", "changed")
    assert (second["vary"], second["X-Kind"]) == ("Accept", "fixed")


def test_a_server_gets_every_header_once_however_and_whenever_it_was_set():
    response = HttpResponse(headers={"X-Kind": "own", "X-Old": "1"})
    FixedHeaders({"X-Fixed": "yes", "X-Kind": "fixed"}).add_missing(response)
    set_ascii(response, "X-Plain", "plain")
    set_ascii(response, "x-kind", "last")
    response["X-Later"] = "later"
    del response["X-Old"]
    expected = {"X-Fixed": "yes", "x-kind": "last", "X-Plain": "plain", "X-Later": "later"}
    expected["Content-Type"] = "text/html; charset=utf-8"
    assert dict(response.items()) == expected
    assert sorted(response.items()) == sorted((name, response[name]) for name in expected)


def test_a_header_that_would_break_the_response_is_refused_when_it_is_fixed():
    with pytest.raises(ValueError, match="newline"):
        FixedHeaders({"X-Kind": "a\nb"})


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("names", [[".shop.example", "[::1]"], ["shop.example"], []])
def test_a_host_is_judged_as_django_judges_it_the_first_time_and_later(host: str, names: list[str]):
    request = RequestFactory().get("/", headers={"Host": host})

    def is_allowed() -> bool:
        try:
            return bool(request.get_host())
        except DisallowedHost:
            return False

    with override_settings(ALLOWED_HOSTS=names):
        assert [_is_ours(request), _is_ours(request)] == [is_allowed()] * 2
