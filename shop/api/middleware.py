"""What happens around every request: its id, the headers of every answer, its metrics and its line in the log."""

import logging
import re
import secrets
from collections.abc import Callable
from time import perf_counter, time

import structlog
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from shop import bootstrap, telemetry

_ID = re.compile(r"[0-9a-f]{32}")
#: What is answered only by an instance that knows who is primary.
_VOUCHED_FOR = "/api/v1/"
_BODILESS = frozenset({204, 304})
READS = frozenset({"GET", "HEAD", "OPTIONS"})
_LOG = structlog.get_logger()

#: Everything comes from this server, nothing is framed, and no script or style is in a page itself.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_CARRIED_OUT_BY = "shop.origin_request_id"
_RECEIVED_AT = "shop.received_at"


def receive(request: HttpRequest) -> None:
    """Notes which request this is and when it came here."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    request.META["shop.request_id"] = given if _ID.fullmatch(given) else secrets.token_hex(16)
    request.META[_RECEIVED_AT] = time()


def request_id(request: HttpRequest) -> str:
    """The id of this request, as nginx gave it: 32 hexadecimal digits."""
    id: str = request.META["shop.request_id"]
    return id


def received_at(request: HttpRequest) -> float:
    """When this instance got the request, in seconds since 1970."""
    at: float = request.META[_RECEIVED_AT]
    return at


def replay_of(request: HttpRequest, origin_request_id: str) -> None:
    """Notes, for the log and the metrics, that what this request asked for was done by another one."""
    request.META[_CARRIED_OUT_BY] = origin_request_id
    telemetry.replayed(_route(request))


def requests(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """The middleware, around what is inside of it."""

    def around(request: HttpRequest) -> HttpResponseBase:
        started = perf_counter()
        with telemetry.request_in_progress():
            response = _passed_on(request) or get_response(request)
        if getattr(request, "user", None):
            # What somebody signed in is told is nobody else's, whatever lies between.
            response.headers.setdefault("Cache-Control", "private, no-cache")
        finished(request, response)
        _record(request, response, perf_counter() - started)
        return response

    return around


def finished(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The answer, with what every answer carries."""
    response["X-Request-ID"] = request_id(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if isinstance(response, HttpResponse):
        _measure_body(request, response)
    return response


def _passed_on(request: HttpRequest) -> HttpResponse | None:
    """502, by which nginx asks the other instance, where this one is cut off and what it could say may be long out of
    date; nothing where it can answer, or where all instances are cut off and it is asked to say what it can."""
    if not request.path.startswith(_VOUCHED_FOR) or request.META.get("HTTP_X_EVERGREEN_ANYWAY"):
        return None
    return HttpResponse(status=502) if bootstrap.is_cut_off() else None


def _route(request: HttpRequest) -> str:
    match = request.resolver_match
    return (match.view_name if match else "") or "none"


def _measure_body(request: HttpRequest, response: HttpResponse) -> None:
    if response.status_code not in _BODILESS:
        response["Content-Length"] = str(len(response.content))
    if request.method == "HEAD":
        response.content = b""


def _record(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    route = _route(request)
    caller = getattr(request, "user", None)
    telemetry.request_served(route, str(request.method), response.status_code, seconds)
    # nginx writes a line about every request, puts these into it, and tells nobody else.
    response["X-Evergreen-Route"] = route
    if caller:
        response["X-Evergreen-User"] = caller.id
    if request.method not in READS or response.status_code >= 500:
        _LOG.log(
            logging.ERROR if response.status_code >= 500 else logging.INFO,
            "request",
            request_id=request_id(request),
            method=request.method,
            route=route,
            status=response.status_code,
            request_time=round(seconds, 4),
            user=caller.id if caller else None,
            origin_request_id=request.META.get(_CARRIED_OUT_BY),
        )
