"""Cookies over HTTPS: Secure, bound to the host by their names, and deaf to what plain HTTP planted."""

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware, get_token
from django.test import Client, RequestFactory

from shop.api.authentication import COOKIE
from shop.api.cookies import CsrfProtection
from shop.domain.users import User
from tests.samples import PASSWORD

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

ORIGIN = {"Accept": "text/html", "Origin": "https://testserver"}
PRODUCTS = "/api/v1/products/"
NAMES = (COOKIE, settings.CSRF_COOKIE_NAME)


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True, headers=ORIGIN)


def csrf_token(browser: Client) -> str:
    page = browser.get("/api/login/", secure=True).content.decode()
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]


def submit(browser: Client, path: str, **form: str) -> "Response":
    body = urlencode({"csrfmiddlewaretoken": csrf_token(browser), **form})
    return browser.post(path, body, content_type="application/x-www-form-urlencoded", secure=True)


def log_in(browser: Client, user: User) -> "Response":
    return submit(browser, "/api/login/", email=user.email, password=PASSWORD)


def test_over_https_every_cookie_is_secure_and_bound_to_its_host(browser: Client, ada: User):
    form = browser.get("/api/login/", secure=True)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.content.decode())[1]
    body = urlencode({"csrfmiddlewaretoken": token, "email": ada.email, "password": PASSWORD})
    answer = browser.post("/api/login/", body, content_type="application/x-www-form-urlencoded", secure=True)
    cookies = {**form.cookies, **answer.cookies}
    assert sorted(cookies) == sorted(f"__Host-{name}" for name in NAMES)
    for cookie in cookies.values():
        assert (cookie["secure"], cookie["path"], cookie["domain"], cookie["samesite"]) == (True, "/", "", "Lax")
    assert answer.cookies[f"__Host-{COOKIE}"]["httponly"] is True


def test_a_user_signs_in_and_out_over_https(browser: Client, ada: User):
    assert log_in(browser, ada).status_code == 302
    assert "Log out" in browser.get(PRODUCTS, secure=True).content.decode()
    answer = submit(browser, "/api/logout/")
    assert (answer.status_code, answer.cookies[f"__Host-{COOKIE}"].value) == (302, "")
    assert answer.cookies[f"__Host-{COOKIE}"]["secure"] is True


def test_over_https_a_cookie_of_the_plain_name_counts_as_none(browser: Client, ada: User):
    log_in(browser, ada)
    for name in NAMES:
        browser.cookies[name] = browser.cookies.pop(f"__Host-{name}").value
    assert browser.get("/api/v1/users/me/", secure=True).status_code == 401
    form = {"csrfmiddlewaretoken": browser.cookies[settings.CSRF_COOKIE_NAME].value, "email": ada.email}
    answer = browser.post("/api/login/", urlencode(form), content_type="application/x-www-form-urlencoded", secure=True)
    assert answer.status_code == 403


def test_over_http_the_cookies_have_their_plain_names(ada: User):
    answer = Client(headers={"Accept": "text/html"}).get("/api/login/")
    assert [(name, cookie["secure"]) for name, cookie in answer.cookies.items()] == [(settings.CSRF_COOKIE_NAME, "")]


@pytest.mark.parametrize("cookies", ["", "other=1", "csrftoken=" + "a" * 32, "csrftoken=bad; other=1"])
@pytest.mark.parametrize("uses_token", [False, True])
def test_the_csrf_protection_does_what_django_does_with_and_without_cookies(cookies: str, uses_token: bool):
    def view(request: HttpRequest) -> HttpResponse:
        if uses_token:
            get_token(request)
        return HttpResponse(request.META.get("CSRF_COOKIE", "")[:1])

    def outcome(middleware: type) -> tuple:
        request = RequestFactory().get("/", headers={"Cookie": cookies} if cookies else {})
        response = middleware(view)(request)
        return len(response.content), sorted(response.cookies), response.headers.get("Vary")

    assert outcome(CsrfProtection) == outcome(CsrfViewMiddleware)
