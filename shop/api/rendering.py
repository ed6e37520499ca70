"""How answers are written: JSON for programs, pages for people."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import orjson
from django.http import HttpRequest
from rest_framework.exceptions import APIException
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.serializers import ListField

from exactly_once.errors import Unavailable
from shop.api.problems import MEDIA_TYPE as PROBLEM_MEDIA_TYPE

if TYPE_CHECKING:
    # DRF imports its renderers while it makes its views.
    from rest_framework.views import APIView

HTML = "text/html"

_OPTIONS = orjson.OPT_UTC_Z


def as_json(data: Any) -> bytes:
    """The data in JSON; instants in RFC 3339 with a Z."""
    return orjson.dumps(data, option=_OPTIONS)


def prefers_html(request: HttpRequest) -> bool:
    """Whether the client names HTML, and would rather have it than JSON."""
    if HTML not in request.META.get("HTTP_ACCEPT", ""):
        return False
    return request.get_preferred_type([JSONRenderer.media_type, HTML]) == HTML


class JSONRenderer(BaseRenderer):
    """JSON by orjson; indented where a page shows it."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        indented = (renderer_context or {}).get("indent")
        return orjson.dumps(data, option=_OPTIONS | orjson.OPT_INDENT_2 if indented else _OPTIONS)


class ProblemRenderer(JSONRenderer):
    """JSON that is a problem."""

    media_type = PROBLEM_MEDIA_TYPE


class Negotiation(DefaultContentNegotiation):
    """JSON, unless the client would rather have HTML: nothing else is on offer, and nobody is refused."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        # A body is of one type: a pattern such as */* is none.
        given = request.content_type.partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == given), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first, *others = renderers
        html = next((other for other in others if other.media_type == HTML), None)
        chosen = html if html and prefers_html(request._request) else first
        return chosen, chosen.media_type


class BrowsableRenderer(BrowsableAPIRenderer):
    """DRF's pages, with the forms of whoever is signed in."""

    template = "shop/api.html"

    def get_context(
        self, data: Any, accepted_media_type: str | None, renderer_context: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        around = renderer_context or {}
        _know_the_caller(around["request"])
        context = super().get_context(data, accepted_media_type, around)
        # DRF writes both with styles within the page, which the content security policy forbids.
        return {**context, "code_style": None, "extra_actions": None, "actions": context["extra_actions"]}

    def get_rendered_html_form(self, data: Any, view: "APIView", method: str, request: Request) -> Any:
        if method == "POST" and _takes_a_list(view):
            return None
        return super().get_rendered_html_form(data, view, method, request)


def _know_the_caller(request: Request) -> None:
    """Public pages ask nobody who they are; their forms depend on it."""
    try:
        _ = request.auth
    except (APIException, Unavailable):
        request._not_authenticated()  # type: ignore[attr-defined]


def _takes_a_list(view: "APIView") -> bool:
    """Whether the body has what an HTML form cannot say."""
    operations = getattr(view, "operations", {})
    action = getattr(view, "action_map", {}).get("post")
    body = operations[action].body if action in operations else None
    return body is not None and any(isinstance(field, ListField) for field in body.fields.values())
