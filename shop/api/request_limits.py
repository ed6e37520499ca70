"""Limits of a request's size, checked before anything of it is read or parsed."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from shop.api.errors import problem_response
from shop.api.limits import (
    MAX_HEADER_CHARS,
    MAX_PATH_CHARS,
    MAX_QUERY_CHARS,
    MAX_QUERY_PARAMETERS,
    MAX_UPLOAD_BYTES,
    max_body_bytes,
)
from shop.api.middleware import View

PARSED_HEADERS = {
    "HTTP_ACCEPT": "Accept",
    "HTTP_IF_MATCH": "If-Match",
    "HTTP_IF_NONE_MATCH": "If-None-Match",
    "CONTENT_TYPE": "Content-Type",
}


class LimitRequestSize:
    """Refuse a request whose path, query, headers or body are too large."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return _refusal(request) or self._get_response(request)


def _refusal(request: HttpRequest) -> HttpResponse | None:
    for meta, name in PARSED_HEADERS.items():
        if len(request.META.get(meta, "")) > MAX_HEADER_CHARS:
            # The response is negotiated by Accept, and would parse it.
            request.META[meta] = ""
            return problem_response(request, "bad-request", f"Use at most {MAX_HEADER_CHARS} characters in {name}.")
    if len(request.path) > MAX_PATH_CHARS:
        return problem_response(request, "not-found")
    if _announced_bytes(request) > max_body_bytes(request.path, request.META.get("CONTENT_TYPE", "")):
        return problem_response(request, "payload-too-large")
    detail = query_refusal(request.META.get("QUERY_STRING", ""))
    return problem_response(request, "bad-request", detail) if detail else None


def _announced_bytes(request: HttpRequest) -> int:
    """Content-Length. Django reads no body without one, and never more than it says."""
    announced = request.META.get("CONTENT_LENGTH") or "0"
    is_readable = announced.isascii() and announced.isdecimal() and len(announced) < 16
    return int(announced) if is_readable else MAX_UPLOAD_BYTES + 1


def query_refusal(query: str) -> str:
    """Return why this query is refused; empty where it is not."""
    if len(query) > MAX_QUERY_CHARS:
        return f"Use at most {MAX_QUERY_CHARS} characters in the query."
    if query.count("&") >= MAX_QUERY_PARAMETERS:
        return f"Use at most {MAX_QUERY_PARAMETERS} query parameters."
    return ""
