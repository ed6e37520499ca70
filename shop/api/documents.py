"""What explains the API: its schema, the pages made of it, and a page per problem."""

from functools import lru_cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView

from shop.api.methods import reading
from shop.api.problems import PROBLEMS
from shop.api.rendering import as_json

#: ReDoc makes its styles at run time, and searches in a worker of its own making.
_REDOC_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@reading
def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document."""
    return HttpResponse(_schema(), content_type="application/json")


@lru_cache(maxsize=1)
def _schema() -> bytes:
    # Half a second of work, and the same until the next start.
    generator: Any = SchemaGenerator
    return as_json(generator().get_schema(request=None, public=True))


swagger = reading(SpectacularSwaggerSplitView.as_view(template_name="shop/swagger.html"))


@reading
def redoc(request: HttpRequest) -> HttpResponse:
    """The same document as ReDoc shows it."""
    response = SpectacularRedocView.as_view(template_name="shop/redoc.html")(request)
    response.headers["Content-Security-Policy"] = _REDOC_POLICY
    return response


@reading
def problem(request: HttpRequest, code: str) -> HttpResponse:
    """What a problem means, and what to do."""
    if code not in PROBLEMS:
        raise Http404
    return render(request, "shop/problem.html", {"problem": PROBLEMS[code]})
