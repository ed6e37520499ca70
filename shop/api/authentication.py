"""Who asks: by a bearer token, or in a browser by the same token in a cookie, with CSRF enforced."""

from typing import Any, cast

from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from shop import bootstrap
from shop.api.limits import MAX_TOKEN_CHARS
from shop.api.middleware import request_id
from shop.domain.callers import Caller
from shop.services.users import token_caller

COOKIE = "evergreen_token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        caller = _caller(request._request, secret)
        if caller is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        return caller, caller

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class CookieAuthentication(BaseAuthentication):
    """The token in the cookie that the login form sets. An outdated one is as good as none."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        caller = caller_by_cookie(request._request)
        if caller is None:
            return None
        if request.method not in _SAFE:
            _enforce_csrf(request._request)
        return caller, caller


def caller_of(request: Request) -> Caller | None:
    """Who asks, or None.

    Raises:
        AuthenticationFailed: the bearer token is good for nobody. PermissionDenied: a form came without its CSRF token.
    """
    return cast(Caller | None, request.auth)


def caller_by_cookie(request: HttpRequest) -> Caller | None:
    """Who is signed in in this browser, or None."""
    secret = request.COOKIES.get(COOKIE)
    return _caller(request, secret) if secret else None


def _caller(request: HttpRequest, secret: str) -> Caller | None:
    if len(secret) > MAX_TOKEN_CHARS:
        return None
    return token_caller(shop=bootstrap.get_shop(), secret=secret, request_id=request_id(request))


def _enforce_csrf(request: HttpRequest) -> None:
    # Django looks for the token in the form, and would leave nothing of it for whoever reads the body afterwards.
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
        description = "The same token in a browser, from the form at /api/login/. Writes need the CSRF token as well."
        return {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": description}
