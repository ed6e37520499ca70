"""The limits of requests, looked at before anything is read or parsed."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from shop.api.errors import answer
from shop.api.limits import (
    MAX_BODY_BYTES,
    MAX_HEADER_CHARS,
    MAX_PATH_CHARS,
    MAX_QUERY_CHARS,
    MAX_QUERY_PARAMETERS,
    max_body_bytes,
)

_PARSED_HEADERS = {
    "HTTP_ACCEPT": "Accept",
    "HTTP_IF_MATCH": "If-Match",
    "HTTP_IF_NONE_MATCH": "If-None-Match",
    "CONTENT_TYPE": "Content-Type",
}

View = Callable[[HttpRequest], HttpResponseBase]


def limit_requests(get_response: View) -> View:
    """Middleware that refuses what is too large before any of it is read or parsed."""

    def around(request: HttpRequest) -> HttpResponseBase:
        return _refusal(request) or get_response(request)

    return around


def _refusal(request: HttpRequest) -> HttpResponse | None:
    for meta, name in _PARSED_HEADERS.items():
        if len(request.META.get(meta, "")) > MAX_HEADER_CHARS:
            # The answer is negotiated by headers, too.
            request.META[meta] = ""
            return answer(request, "bad-request", f"Use at most {MAX_HEADER_CHARS} characters in {name}.")
    if len(request.path) > MAX_PATH_CHARS:
        return answer(request, "not-found")
    if _body_bytes(request) > max_body_bytes(request.path):
        return answer(request, "payload-too-large")
    detail = _query_refusal(request.META.get("QUERY_STRING", ""))
    return answer(request, "bad-request", detail) if detail else None


def _body_bytes(request: HttpRequest) -> int:
    """The announced size. Without one, Django reads nothing; with one, never more than it says."""
    announced = request.META.get("CONTENT_LENGTH") or "0"
    is_readable = announced.isascii() and announced.isdecimal() and len(announced) < 16
    return int(announced) if is_readable else MAX_BODY_BYTES + 1


def _query_refusal(query: str) -> str:
    if len(query) > MAX_QUERY_CHARS:
        return f"Use at most {MAX_QUERY_CHARS} characters in the query."
    if query.count("&") >= MAX_QUERY_PARAMETERS:
        return f"Use at most {MAX_QUERY_PARAMETERS} query parameters."
    return ""
