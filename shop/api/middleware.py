"""Middleware around every request: its context, its metrics and its line in the log."""

import logging
import time
from collections.abc import Callable
from time import perf_counter

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.permissions import SAFE_METHODS

from shop import bootstrap, telemetry
from shop.api.cart_tokens import VARIABLE as CART_TOKEN
from shop.api.client_address import client_network
from shop.api.context import FAILURE_STARTED_KEY, attach_context, context_of
from shop.api.headers import set_ascii
from shop.api.rate_limits import headers_of
from shop.api.requester import has_hung_up
from shop.passwords import HASH_SOURCE

#: Headers that stand for one user or guest, as WSGI names them.
_CREDENTIALS = frozenset({"HTTP_AUTHORIZATION", CART_TOKEN})
#: An isolated instance does not answer here: its view of the shop may be out of date.
_CONSISTENT_PATHS = "/api/v1/"
_BODILESS = frozenset({204, 304})
_LOG = structlog.get_logger()

View = Callable[[HttpRequest], HttpResponseBase]


class RequestContextMiddleware:
    """Attach a context to the request, and complete the response: X-Request-ID, Content-Length, no body for HEAD."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        context = attach_context(request)
        HASH_SOURCE.set(client_network(request))
        response = self._get_response(request)
        set_ascii(response, "X-Request-ID", context.request_id)
        for name, value in headers_of(context).items():
            set_ascii(response, name, value)
        if isinstance(response, HttpResponse):
            _complete_body(request, response)
        return response


class ObserveRequests:
    """Count, time and log requests. One that this instance does not try gets 502, which makes nginx try another one."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # That of a direct read which failed includes its time in the store.
        started: float = request.META.get(FAILURE_STARTED_KEY) or perf_counter()
        with telemetry.request_in_progress():
            response = _not_tried(request) or self._get_response(request)
        if _is_private(request, response):
            # Neither a cache in between nor a browser on a shared machine may store it.
            response.headers.setdefault("Cache-Control", "no-store")
        record_request(request, response, perf_counter() - started)
        return response


def record_replay(request: HttpRequest, origin_request_id: str) -> None:
    """Record, for log and metrics, that this request replayed the outcome of an earlier one."""
    context_of(request).origin_request_id = origin_request_id
    telemetry.request_replayed(_route(request))


def record_request(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """Count the request, log it where it was a write or failed, and tell nginx's log its route and user."""
    route = _route(request)
    user = getattr(request, "user", None)
    telemetry.request_served(route, str(request.method), response.status_code, seconds)
    # nginx logs these of every request, reads included, and removes them from the response.
    set_ascii(response, "X-Evergreen-Route", route)
    if user:
        set_ascii(response, "X-Evergreen-User", user.id)
    if request.method not in SAFE_METHODS or response.status_code >= 500:
        context = context_of(request)
        _LOG.log(
            logging.ERROR if response.status_code >= 500 else logging.INFO,
            "request",
            request_id=context.request_id,
            method=request.method,
            route=route,
            status=response.status_code,
            request_time=round(seconds, 4),
            user=user.id if user else None,
            origin_request_id=context.origin_request_id,
        )


def _is_private(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether the response may say something of one user or guest: who signed in, tried to, sent the token of a cart,
    wrote, or gets a cookie."""
    is_personal = bool(getattr(request, "user", None)) or not _CREDENTIALS.isdisjoint(request.META)
    return is_personal or request.method not in SAFE_METHODS or bool(response.cookies)


def _not_tried(request: HttpRequest) -> HttpResponse | None:
    """502 where this instance does not begin: it is isolated, or nobody waits for a write any more. None where it does,
    which is also where all instances said so and nginx asks for what there is."""
    if request.method not in SAFE_METHODS and has_hung_up(request):
        # It may have lain in a frozen instance until after the record of its outcome had expired.
        return _bad_gateway("hung-up")
    if context_of(request).serve_degraded:
        return None
    if request.method not in SAFE_METHODS and _is_too_late(request):
        return _bad_gateway("too-late")
    if request.path.startswith(_CONSISTENT_PATHS) and bootstrap.is_cut_off():
        return _bad_gateway("isolated")
    return None


def _is_too_late(request: HttpRequest) -> bool:
    return time.monotonic() >= context_of(request).deadline(settings.EVERGREEN_WRITE_DEADLINE_S)


def _bad_gateway(reason: str) -> HttpResponse:
    """The answer after which nginx asks another instance; and after the last one, at this location of its own."""
    telemetry.request_not_tried(reason)
    return HttpResponse(status=502, headers={"X-Accel-Redirect": "@not_tried"})


def _route(request: HttpRequest) -> str:
    match = request.resolver_match
    return (match.view_name if match else "") or "none"


def _complete_body(request: HttpRequest, response: HttpResponse) -> None:
    if response.status_code not in _BODILESS:
        set_ascii(response, "Content-Length", str(len(response.content)))
    if request.method == "HEAD":
        response.content = b""
