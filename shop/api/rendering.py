"""Renderers and content negotiation: JSON for programs, the browsable API for browsers."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson
from django.http import HttpRequest
from django.utils.cache import patch_vary_headers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request

from shop.api.problems import MEDIA_TYPE as PROBLEM_MEDIA_TYPE

HTML = "text/html"

_OPTIONS = orjson.OPT_UTC_Z


def ready_json(document: bytes) -> orjson.Fragment:
    """Wrap a JSON document that is serialized already, as the body of a response or anywhere in it.

    A JSON response contains its bytes unchanged, without parsing them; `as_data` parses them for the browsable API.
    The caller answers for it that they are valid JSON.
    """
    return orjson.Fragment(document)


def as_json(data: Any) -> bytes:
    """Serialize to JSON; instants in RFC 3339, UTC with a Z; `ready_json` byte by byte."""
    return orjson.dumps(data, option=_OPTIONS)


def as_data(body: Any) -> Any:
    """Parse what `ready_json` wraps, wherever it is in the body; instants and dates become text."""
    return orjson.loads(as_json(body))


def prefers_html(request: HttpRequest) -> bool:
    """Whether Accept names HTML, and prefers it to JSON."""
    accept: str = request.META.get("HTTP_ACCEPT", "")
    return HTML in accept and _prefers_html(accept)


@lru_cache(maxsize=64)
def _prefers_html(accept: str) -> bool:
    """As `prefers_html`. Browsers send few different headers, and each takes long to parse."""
    request = HttpRequest()
    request.META["HTTP_ACCEPT"] = accept
    return request.get_preferred_type([JSONRenderer.media_type, HTML]) == HTML


class JSONRenderer(BaseRenderer):
    """JSON by orjson; indented where the browsable API shows it."""

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
        if (renderer_context or {}).get("indent"):
            return orjson.dumps(as_data(data), option=_OPTIONS | orjson.OPT_INDENT_2)
        return as_json(data)


class ProblemRenderer(JSONRenderer):
    """JSON of media type application/problem+json."""

    media_type = PROBLEM_MEDIA_TYPE


class Negotiation(DefaultContentNegotiation):
    """JSON, unless the client prefers HTML. Nothing else is on offer, and no Accept is refused with 406."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        # A body has one media type: a pattern such as */* is none.
        media_type = request.content_type.partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first, *others = renderers
        html = next((other for other in others if other.media_type == HTML), None)
        renderer = html if html and prefers_html(request._request) else first
        return renderer, renderer.media_type


class BrowsableRenderer(BrowsableAPIRenderer):
    """DRF's browsable API with pages of the shop's own."""

    template = "shop/browsable/page.html"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> str:
        # Each page says whether its reader is signed in, and has the forms that are theirs.
        patch_vary_headers((renderer_context or {})["response"], ["Cookie"])
        page: str = super().render(data, accepted_media_type, renderer_context)
        return page

    def get_context(
        self, data: Any, accepted_media_type: str | None, renderer_context: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        # What makes the pages imports views, and DRF imports its renderers while it makes its views.
        from shop.api.browsable.page import page_context

        return page_context(data, **(renderer_context or {}))
