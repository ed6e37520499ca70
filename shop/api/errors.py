"""From every error to its problem: the shop's, DRF's and Django's."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from rest_framework import exceptions
from rest_framework.response import Response

from exactly_once.errors import ExactlyOnceError, IdempotencyKeyReused, Refusal, Unavailable
from shop import telemetry
from shop.api.limits import MAX_DETAIL_CHARS
from shop.api.middleware import replay_of, request_id
from shop.api.problems import CODES, MEDIA_TYPE, PROBLEMS, Problem, code_of, document
from shop.api.rendering import BrowsableRenderer, ProblemRenderer, prefers_html
from shop.domain import errors
from shop.domain.text import UnusableText

#: Seconds after which a client may try again.
RETRY_AFTER = "1"

#: The first entry that an error is an instance of is its problem.
_FOREIGN: tuple[tuple[type[Exception], str], ...] = (
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
    (SuspiciousOperation, "bad-request"),
    (BadRequest, "bad-request"),
)


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: the problem of the error, or None where it is unforeseen and Django's to log."""
    request = context["request"]
    problem = _problem_of(error)
    if problem is None:
        return None
    telemetry.refused(problem.code)
    id = request_id(request._request)
    origin = error.origin_request_id if isinstance(error, Refusal) else ""
    body = document(problem, origin or id, _detail(error), **_members(error))
    response = Response(body, status=problem.status, headers=_headers(problem))
    if isinstance(error, Refusal) and error.is_replay_for(id):
        response["Idempotent-Replayed"] = "true"
        replay_of(request._request, origin)
    if problem.status == 405:
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    if not isinstance(getattr(request, "accepted_renderer", None), BrowsableRenderer):
        request.accepted_renderer, request.accepted_media_type = ProblemRenderer(), MEDIA_TYPE
    return response


def _problem_of(error: Exception) -> Problem | None:
    if isinstance(error, errors.Invalid):
        return PROBLEMS[code_of(error.errors)]
    if isinstance(error, (errors.ShopError, ExactlyOnceError)):
        return PROBLEMS[CODES[type(error)]]
    return next((PROBLEMS[code] for kind, code in _FOREIGN if isinstance(error, kind)), None)


def _detail(error: Exception) -> str:
    """What may be told: the shop's own sentences and DRF's, none of Django's."""
    if isinstance(error, errors.Invalid):
        return error.errors[0].detail
    if isinstance(error, Unavailable):
        return ""
    if isinstance(error, exceptions.APIException):
        # DRF quotes methods, media types and origins as they came.
        return str(error)[:MAX_DETAIL_CHARS]
    return str(error) if isinstance(error, (errors.ShopError, IdempotencyKeyReused, UnusableText)) else ""


def _members(error: Exception) -> dict[str, Any]:
    match error:
        case errors.Invalid():
            return {"errors": [{"pointer": f.pointer, "code": f.code, "detail": f.detail} for f in error.errors]}
        case errors.InsufficientStock():
            return {"shortages": error.shortages}
        case errors.StockChanged():
            return {"stock": error.stock}
        case errors.UnknownProduct():
            return {"products": error.products}
        case errors.MixedCurrencies():
            return {"currencies": error.currencies}
        case errors.InvalidTransition():
            return {"from": error.source, "to": error.target, "allowed": error.allowed}
        case errors.PreconditionFailed():
            return {"version": error.version}
        case _:
            return {}


def _headers(problem: Problem) -> dict[str, str]:
    headers = {"Vary": "Accept"}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.status == 503:
        headers["Retry-After"] = RETRY_AFTER
    return headers


def answer(request: HttpRequest, code: str, detail: str = "") -> HttpResponse:
    """The problem outside of the API's views: a page for a browser, a document for everybody else."""
    problem = PROBLEMS[code]
    telemetry.refused(code)
    headers = _headers(problem)
    if prefers_html(request):
        context = {"problem": problem, "request_id": request_id(request)}
        response = render(request, "shop/problem.html", context, status=problem.status)
        for name, value in headers.items():
            response[name] = value
        return response
    body = orjson.dumps(document(problem, request_id(request), detail))
    return HttpResponse(body, status=problem.status, content_type=MEDIA_TYPE, headers=headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler of 400."""
    problem = _problem_of(exception)
    return answer(request, problem.code if problem else "bad-request")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's answer to a form without its CSRF token."""
    return answer(request, "forbidden", reason[:MAX_DETAIL_CHARS])


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler of 404."""
    return answer(request, "not-found")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of 500."""
    return answer(request, "internal-error")
