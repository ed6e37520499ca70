"""Authentication by bearer token, or in a browser by the same token in a cookie, with CSRF enforced."""

from typing import Any, cast

from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from shop import bootstrap
from shop.api.context import context_of
from shop.api.limits import MAX_TOKEN_CHARS
from shop.domain.callers import Caller
from shop.services.users import token_caller

COOKIE = "evergreen_token"


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        caller = _caller(request._request, token)
        if caller is None:
            raise AuthenticationFailed(
                "The token is unknown, expired or revoked: get a new one at /api/v1/auth/token/."
            )
        return caller, caller

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class CookieAuthentication(BaseAuthentication):
    """The token in the cookie that the login form sets. A cookie with an expired token counts as no cookie."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        caller = cookie_caller(request._request)
        if caller is None:
            return None
        if request.method not in SAFE_METHODS:
            _enforce_csrf(request._request)
        return caller, caller


def caller_of(request: Request) -> Caller | None:
    """Authenticate the request; None for an anonymous one.

    Raises:
        AuthenticationFailed: the bearer token is unknown, expired or revoked.
        PermissionDenied: a request with the cookie has no CSRF token.
    """
    return cast(Caller | None, request.auth)


def find_caller(request: HttpRequest) -> Caller | None:
    """Authenticate a request that no ViewSet serves; raises as `caller_of`."""
    return caller_of(Request(request, authenticators=(BearerAuthentication(), CookieAuthentication())))


def cookie_caller(request: HttpRequest) -> Caller | None:
    """Return the user whose token is in the cookie, or None."""
    token = request.COOKIES.get(COOKIE)
    return _caller(request, token) if token else None


def _caller(request: HttpRequest, token: str) -> Caller | None:
    if len(token) > MAX_TOKEN_CHARS:
        return None
    return token_caller(shop=bootstrap.get_shop(), secret=token, request_id=context_of(request).request_id)


def _enforce_csrf(request: HttpRequest) -> None:
    # Django looks for the token in the form, and would consume the stream that the parsers read later.
    _ = request.body
    check = CSRFCheck(lambda _: None)  # type: ignore[arg-type]
    check.process_request(request)
    reason = check.process_view(request, lambda: None, (), {})  # type: ignore[arg-type, return-value]
    if reason:
        raise PermissionDenied(f"CSRF: {reason}")


class _BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A token from /api/v1/auth/token/."}


class _CookieScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = CookieAuthentication
    name = "cookie"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        description = "The same token in a browser, set by the form at /api/login/. Writes also need the CSRF token."
        return {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": description}
