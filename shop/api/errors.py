"""Exception handlers: each error of the shop, the engine, DRF and Django becomes a problem (RFC 9457)."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson
from django.core.exceptions import BadRequest, DisallowedHost, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.urls import Resolver404, is_valid_path
from django.utils.cache import patch_vary_headers
from rest_framework import exceptions
from rest_framework.response import Response

from exactly_once.errors import ExactlyOnceError, IdempotencyKeyReused, RateLimited, Refusal
from shop import refusal_worker, telemetry
from shop.api.cart_problems import members_of
from shop.api.context import context_of
from shop.api.limits import MAX_DETAIL_CHARS
from shop.api.middleware import record_replay
from shop.api.problem import Problem
from shop.api.problems import CODES, MEDIA_TYPE, PROBLEMS, problem_document, validation_code
from shop.api.rate_limits import retry_after_s
from shop.api.rendering import BrowsableRenderer, ProblemRenderer, prefers_html
from shop.domain import errors
from shop.domain.cart_errors import CartRefusal
from shop.domain.text import UnusableText
from shop.domain.voucher_errors import VoucherRefusal

#: Seconds after which a client may retry, as Retry-After has it.
RETRY_AFTER_S = "1"

#: Errors of Django and DRF and the code of their problem; the first entry that matches counts.
_FRAMEWORK_ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (UnusableText, "validation-error"),
    (exceptions.NotAuthenticated, "unauthenticated"),
    (exceptions.AuthenticationFailed, "unauthenticated"),
    (exceptions.PermissionDenied, "forbidden"),
    (exceptions.MethodNotAllowed, "method-not-allowed"),
    (exceptions.UnsupportedMediaType, "unsupported-media-type"),
    (exceptions.ParseError, "malformed-body"),
    (exceptions.NotFound, "not-found"),
    (Http404, "not-found"),
    (RequestDataTooBig, "payload-too-large"),
    (MultiPartParserError, "malformed-body"),
    (UnreadablePostError, "malformed-body"),
    (DisallowedHost, "misdirected-request"),
    (SuspiciousOperation, "bad-request"),
    (BadRequest, "bad-request"),
)


def handle_exception(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """Handle an exception of a view for DRF. None leaves an unforeseen one to Django, which logs it and answers 500."""
    request = context["request"]
    problem = problem_of(error)
    if problem is None:
        return None
    renderer = getattr(request, "accepted_renderer", None)
    if renderer is None and prefers_html(request._request):
        # A form that cannot be read, before DRF negotiates: DRF's pages would read it again.
        return problem_response(request._request, problem.code, detail_of(error, problem))
    telemetry.problem_returned(problem.code)
    request_id = context_of(request._request).request_id
    origin = error.origin_request_id if isinstance(error, Refusal) else ""
    body = problem_document(problem, origin or request_id, detail_of(error, problem), **_members(error))
    response = Response(body, status=problem.status, headers={**_headers(problem), **error_headers(error)})
    if isinstance(error, Refusal) and error.is_replay_for(request_id):
        response["Idempotent-Replayed"] = "true"
        record_replay(request._request, origin)
    else:
        refusal_worker.TALLY.note(problem.code)
    if problem.status == 405:
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    if not isinstance(renderer, BrowsableRenderer):
        request.accepted_renderer, request.accepted_media_type = ProblemRenderer(), MEDIA_TYPE
    return response


def problem_of(error: Exception) -> Problem | None:
    """Return the problem of an error; None for an unforeseen one."""
    if isinstance(error, errors.Invalid):
        return PROBLEMS[validation_code(error.errors)]
    if isinstance(error, (errors.ShopError, ExactlyOnceError)):
        return PROBLEMS[next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)]
    return next((PROBLEMS[code] for error_type, code in _FRAMEWORK_ERRORS if isinstance(error, error_type)), None)


def detail_of(error: Exception, problem: Problem) -> str:
    """Return the message of the error where a client may read it: the shop's own and DRF's, none of Django's."""
    if isinstance(error, errors.Invalid):
        return _first_of(error)
    if isinstance(error, exceptions.APIException):
        # DRF repeats methods, media types and origins as the client sent them.
        return str(error)[:MAX_DETAIL_CHARS]
    if isinstance(error, errors.ShopError):
        return f"{error} {problem.remedy}" if str(error) else ""
    return str(error) if isinstance(error, (IdempotencyKeyReused, UnusableText)) else ""


def _first_of(error: errors.Invalid) -> str:
    """The first field error, with the field, and how many there are besides."""
    first, *others = error.errors
    where = f"{first.pointer}: " if first.pointer else ""
    more = f" `errors` has {len(others)} more." if others else ""
    return f"{where}{first.detail}{more}"


def _members(error: Exception) -> dict[str, Any]:
    match error:
        case errors.Invalid():
            return {"errors": [asdict(each) for each in error.errors]}
        case errors.TooManyOpenPurchases() | errors.TooManyShipments() | errors.TooManyReturns():
            return {"limit": error.limit}
        case errors.InsufficientStock() | errors.UnitsExceeded():
            return {"shortages": error.shortages}
        case errors.StockChanged():
            return {"stock": error.stock}
        case errors.UnknownProduct():
            return {"products": error.products, "skus": error.skus}
        case errors.MixedCurrencies():
            return {"currencies": error.currencies}
        case errors.InvalidTransition():
            return {"from": error.source, "to": error.target, "allowed": error.allowed}
        case errors.RefundExceedsCaptured():
            return {"refundable": error.refundable, "currency": error.currency}
        case errors.TooManyPayments() | errors.TooManyRefunds():
            return {"limit": error.limit}
        case VoucherRefusal():
            return {"reason": error.reason}
        case CartRefusal():
            return members_of(error)
        case errors.PreconditionFailed():
            return {"version": error.version}
        case _:
            return {}


def _headers(problem: Problem) -> dict[str, str]:
    headers = {"Vary": "Accept"}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.status == 503:
        headers["Retry-After"] = RETRY_AFTER_S
    return headers


def error_headers(error: Exception) -> dict[str, str]:
    """Return the headers that a problem has by this error, not by its type."""
    if isinstance(error, RateLimited):
        return {"Retry-After": str(retry_after_s(error.retry_after_s))}
    return {}


def problem_response(request: HttpRequest, code: str, detail: str = "") -> HttpResponse:
    """Respond with a problem outside of DRF's views: an HTML page for a browser, JSON for any other client."""
    request_id = context_of(request).request_id
    problem = PROBLEMS[code]
    telemetry.problem_returned(code)
    refusal_worker.TALLY.note(code)
    headers = _headers(problem)
    if prefers_html(request):
        context = {"problem": problem, "request_id": request_id, "detail": detail}
        response = render(request, "shop/problem.html", context, status=problem.status)
        for name, value in headers.items():
            response[name] = value
        # Its header says whether the reader is signed in.
        patch_vary_headers(response, ["Cookie"])
        return response
    body = orjson.dumps(problem_document(problem, request_id, detail))
    return HttpResponse(body, status=problem.status, content_type=MEDIA_TYPE, headers=headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle status 400 for Django."""
    problem = problem_of(exception)
    return problem_response(request, problem.code if problem else "bad-request")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Handle a form without a valid CSRF token for Django."""
    return problem_response(request, "forbidden", reason[:MAX_DETAIL_CHARS])


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle status 404 for Django. Where the address lacks its trailing slash alone, 308 leads to the right one.

    APPEND_SLASH of Django answers 301, after which clients send a GET instead of a POST.
    """
    if isinstance(exception, Resolver404) and is_valid_path(f"{request.path_info}/"):
        return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True), preserve_request=True)
    return problem_response(request, "not-found")


def server_error(request: HttpRequest) -> HttpResponse:
    """Handle status 500 for Django."""
    return problem_response(request, "internal-error")
