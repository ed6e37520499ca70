"""Authentication by bearer token, or in a browser by the same token in a cookie, with CSRF enforced."""

from collections.abc import Callable
from typing import Any, cast

from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from shop import bootstrap
from shop.api import rate_limits
from shop.api.cart_tokens import HEADER as CART_HEADER
from shop.api.client_address import client_address
from shop.api.context import context_of
from shop.api.last_used import UseRecorder
from shop.api.limits import MAX_TOKEN_CHARS
from shop.domain.callers import Caller
from shop.domain.ports import Shop
from shop.services.api_keys import api_key_caller, api_key_use
from shop.services.tokens import token_caller, token_use
from shop.tokens import API_KEY_PREFIX

COOKIE = "evergreen_token"
_UNKNOWN_TOKEN = "The token is unknown, expired or revoked: get a new one at /api/v1/auth/token/."
_UNKNOWN_KEY = "The API key is unknown, expired, revoked or not for this network: ask staff for a new one."
_USES = UseRecorder()


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`, or the secret of an API key in its place."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        is_key = token.startswith(API_KEY_PREFIX)
        caller = _machine(request._request, token) if is_key else _caller(request._request, token)
        if caller is None:
            raise AuthenticationFailed(_UNKNOWN_KEY if is_key else _UNKNOWN_TOKEN)
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
    shop = bootstrap.get_shop()
    limit = rate_limits.of_reads(request)
    caller = token_caller(shop=shop, secret=token, request_id=context_of(request).request_id, limit=limit)
    if caller is not None:
        _record_use(shop, caller, token_use)
    return caller


def _machine(request: HttpRequest, secret: str) -> Caller | None:
    """Return the machine whose API key this is, or None, and record the use."""
    shop = bootstrap.get_shop()
    limit = rate_limits.of_reads(request, shop.secrets.api_key_id(secret))
    caller = api_key_caller(shop=shop, secret=secret, address=client_address(request), limit=limit)
    if caller is not None:
        _record_use(shop, caller, api_key_use)
    return caller


def _record_use(shop: Shop, caller: Caller, use: Callable[..., object]) -> None:
    now = shop.clock.now()
    _USES.record(caller.token, caller.last_used_at, now, lambda write: use(shop=shop, request=write, caller=caller))


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
    name = ["token", "api_key", "cart_token"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        # The scope is in the description and in x-access: linters know scopes of OAuth alone.
        others = {"api_key": auto_schema.access.scope, "cart_token": auto_schema.access.admits_cart_token}
        return [{"token": []}, *({scheme: []} for scheme, is_admitted in others.items() if is_admitted)]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        token = {"type": "http", "scheme": "bearer", "description": "A token from /api/v1/auth/token/."}
        description = "The secret of an API key that has the scope, from staff at /api/v1/api-keys/."
        api_key = {**token, "bearerFormat": f"{API_KEY_PREFIX}...", "description": description}
        description = "The token of a guest's cart, from the response that created it."
        return [token, api_key, {"type": "apiKey", "in": "header", "name": CART_HEADER, "description": description}]


class _CookieScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = CookieAuthentication
    name = "cookie"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        description = "The same token in a browser, set by the form at /api/login/. Writes also need the CSRF token. "
        description += f"Over HTTPS its name is __Host-{COOKIE}."
        return {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": description}
