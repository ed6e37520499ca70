"""Cookies over HTTPS: Secure, and with the prefix that binds them to this very host.

Browsers accept a `__Host-` cookie from a secure origin alone, with Path=/ and without Domain. A page of a sister
domain, or of this one over plain HTTP, cannot plant it.
"""

from typing import cast

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware

from shop.api.authentication import COOKIE
from shop.api.middleware import View

HOST_PREFIX = "__Host-"


class SecureCookies:
    """Rename the shop's cookies on their way in and out, where the client came by HTTPS. The rest of the code knows
    their plain names alone."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "HTTP_COOKIE" in request.META and request.is_secure():
            _take_prefixed(request)
        response = self._get_response(request)
        if response.cookies and request.is_secure():
            _prefix(response)
        return response


class CsrfProtection(CsrfViewMiddleware):
    """Django's protection, which has nothing to read in a request without cookies."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "HTTP_COOKIE" in request.META:
            self.process_request(request)
        return self.process_response(request, cast(HttpResponseBase, self.get_response(request)))


def _names() -> tuple[str, str]:
    return COOKIE, settings.CSRF_COOKIE_NAME


def _take_prefixed(request: HttpRequest) -> None:
    """Put the value of each prefixed cookie in the place of the plain one, which anyone may have planted."""
    for name in _names():
        request.COOKIES.pop(name, None)
        if HOST_PREFIX + name in request.COOKIES:
            request.COOKIES[name] = request.COOKIES[HOST_PREFIX + name]


def _prefix(response: HttpResponseBase) -> None:
    for name in _names():
        if name in response.cookies:
            plain = response.cookies.pop(name)
            response.cookies[HOST_PREFIX + name] = plain.value
            response.cookies[HOST_PREFIX + name].update({**plain, "secure": True, "path": "/", "domain": ""})
