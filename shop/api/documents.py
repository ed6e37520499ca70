"""The documentation that the API serves: its OpenAPI document, Swagger UI, ReDoc, and a page for each problem."""

import hashlib
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.vary import vary_on_cookie
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView

from shop.api.methods import require_safe
from shop.api.problem import Problem
from shop.api.problems import PROBLEMS
from shop.api.rendering import as_json, prefers_html
from shop.api.shared_cache import shared

#: Of the document in the shared cache.
SCHEMA_LIFETIME_S = 3600


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """Serve the OpenAPI document."""
    return HttpResponse(schema_json(), content_type="application/json")


@lru_cache(maxsize=1)
def schema_json() -> bytes:
    """Generate the OpenAPI document once."""
    # Generating takes half a second, and the result is the same for every process of this version.
    return shared("schema", f"schema-{_source_digest()}", SCHEMA_LIFETIME_S, _generated_schema).encode()


def _generated_schema() -> str:
    generator: Any = SchemaGenerator
    return as_json(generator().get_schema(request=None, public=True)).decode()


def _source_digest() -> str:
    """A digest of all that the document is made of: a version that runs beside this one has another."""
    digest = hashlib.sha256(repr(settings.SPECTACULAR_SETTINGS).encode())
    for package in ("Django", "djangorestframework", "drf-spectacular"):
        digest.update(version(package).encode())
    for path in sorted((settings.BASE_DIR / "shop").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


# require_safe checks access: DRF's authentication would read the store, and refuse a revoked token on a public page.
swagger = require_safe(
    vary_on_cookie(SpectacularSwaggerSplitView.as_view(template_name="shop/swagger.html", authentication_classes=[]))
)


#: The hash of nothing. ReDoc inserts an empty <style> element and fills it by script, as any script of 'self' may; an
#: element that comes with a text of its own is still blocked.
EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
#: The style of ReDoc's scroll bars, which its bundle inserts as a text. Another version may have another one: a browser
#: then names its hash in the console, and draws its own scroll bars.
SCROLL_BAR_STYLE = "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"

# ReDoc searches in a worker that it creates from a blob.
redoc = require_safe(
    csp_update({"style-src": [EMPTY_STYLE, SCROLL_BAR_STYLE], "worker-src": ["blob:"]})(
        vary_on_cookie(SpectacularRedocView.as_view(template_name="shop/redoc.html", authentication_classes=[]))
    )
)


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """List the problem types: a page for browsers, JSON for any other client."""
    if prefers_html(request):
        response = render(request, "shop/problems.html", {"section": "docs", "problems": PROBLEMS.values()})
    else:
        body = {"results": [_problem_type(each) for each in PROBLEMS.values()]}
        response = HttpResponse(as_json(body), content_type="application/json")
    patch_vary_headers(response, ["Accept", "Cookie"])
    return response


def _problem_type(each: Problem) -> dict[str, Any]:
    return {name: getattr(each, name) for name in ("type", "title", "status", "code", "meaning", "remedy")}


@require_safe
@vary_on_cookie
def problem(request: HttpRequest, code: str) -> HttpResponse:
    """Explain a problem and its remedy."""
    if code not in PROBLEMS:
        raise Http404
    return render(request, "shop/problem.html", {"section": "docs", "problem": PROBLEMS[code]})
