"""The common reads of the public catalogue, answered past Django's request handling: one product, and a page of them.

Django and DRF serve any request, and take more time for one of these than all that it needs. What decides whether a
request is answered, and with what, is the code that the ViewSet and the middleware call, too: the access table, limits,
filters, services, tags and metrics. Everything that is not plain goes to Django: another method, HTML, cookies, a body,
a header that is too long, an instance that is cut off. So does whatever was refused, with the error: the ViewSet raises
it, and nothing is read twice. docs/adr/0047-answer-common-reads-directly.md has the reasons.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest

from shop import bootstrap, telemetry
from shop.api import conditional, products
from shop.api.access import ACCESS
from shop.api.context import FAILURE_KEY, FAILURE_STARTED_KEY, read_context
from shop.api.fields import UUID_PATTERN
from shop.api.hosts import is_own_host
from shop.api.limits import MAX_HEADER_CHARS
from shop.api.pagination import page_document, page_request
from shop.api.rendering import HTML, as_json, ready_json
from shop.api.request_limits import PARSED_HEADERS, query_refusal
from shop.api.security import fixed_headers
from shop.concurrency import REQUESTS, SHED_KEY, Overloaded
from shop.services.products import product_get, product_json_list

Variables = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Variables, StartResponse], Iterable[bytes]]
#: The body and its tag.
Answer = tuple[bytes, str]

_COLLECTION = "/api/v1/products/"
_PRODUCT = re.compile(f"{re.escape(_COLLECTION)}({UUID_PATTERN})/")
#: Variables of a request that Django answers, where they are there.
_NOT_PLAIN = ("HTTP_COOKIE", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_ORIGIN", "HTTP_X_SERVE_DEGRADED", SHED_KEY)


class DirectReads:
    """A WSGI application that answers common reads, and passes all other requests on."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._timeout_s = settings.EVERGREEN_READ_SLOT_TIMEOUT_S
        # What django-cors-headers adds where no Origin is sent.
        vary = "Accept, origin" if settings.CORS_ALLOWED_ORIGINS else "Accept"
        self._headers = (*fixed_headers().pairs, ("Vary", vary))

    def __call__(self, variables: Variables, start_response: StartResponse) -> Iterable[bytes]:
        id = _product_asked_for(variables)
        if id is not None and _is_plain(variables):
            try:
                with REQUESTS.acquired(self._timeout_s):
                    return self._tried(variables, start_response, id)
            except Overloaded:
                variables[SHED_KEY] = True
        return self._application(variables, start_response)

    def _tried(self, variables: Variables, start_response: StartResponse, id: str) -> Iterable[bytes]:
        """Answer, or pass a failure on with what is measured of it: its time, and the slot that it holds."""
        started = perf_counter()
        try:
            return self._served(variables, start_response, id, started)
        except Exception as error:
            variables[FAILURE_KEY], variables[FAILURE_STARTED_KEY] = error, started
        return self._application(variables, start_response)

    def _served(self, variables: Variables, start_response: StartResponse, id: str, started: float) -> Iterable[bytes]:
        context = read_context(variables)
        with telemetry.request_in_progress():
            body, etag = _product(id) if id else _page(variables)
        is_known = conditional.is_known(variables.get("HTTP_IF_NONE_MATCH"), etag)
        route = "products-detail" if id else "products-list"
        telemetry.request_served(route, "GET", 304 if is_known else 200, perf_counter() - started)
        headers = [*self._headers, ("ETag", etag), ("X-Evergreen-Route", route), ("X-Request-ID", context.request_id)]
        if "HTTP_AUTHORIZATION" in variables:
            headers.append(("Cache-Control", "no-store"))
        if is_known:
            start_response("304 Not Modified", headers)
            return ()
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return (body,)


def _product_asked_for(variables: Mapping[str, Any]) -> str | None:
    """Return the id of the product that is read; "" for a page of products, and None for any other request."""
    if variables["REQUEST_METHOD"] != "GET" or variables.get("SCRIPT_NAME"):
        return None
    path = variables["PATH_INFO"]
    if path == _COLLECTION:
        return "" if ACCESS["products_list"].is_public else None
    match = _PRODUCT.fullmatch(path)
    # A query is an error here, which the ViewSet finds.
    is_read = match and not variables.get("QUERY_STRING") and ACCESS["products_retrieve"].is_public
    return match[1] if match and is_read else None


def _is_plain(variables: Mapping[str, Any]) -> bool:
    """Whether no middleware and no renderer would do anything but answer in JSON."""
    if any(name in variables for name in _NOT_PLAIN) or HTML in variables.get("HTTP_ACCEPT", ""):
        return False
    if any(len(variables.get(name, "")) > MAX_HEADER_CHARS for name in PARSED_HEADERS):
        return False
    if query_refusal(variables.get("QUERY_STRING", "")) or not is_own_host(variables.get("HTTP_HOST", "")):
        return False
    return not bootstrap.is_cut_off()


def _product(id: str) -> Answer:
    product = product_get(shop=bootstrap.get_shop(), id=id)
    return as_json(products.product_document(product)), conditional.product_etag(product)


def _page(variables: Variables) -> Answer:
    request = WSGIRequest(variables)
    asked = page_request(request, products.ProductViewSet.operations["list"].parameters)
    query = products.product_query(asked.filters)
    page = product_json_list(shop=bootstrap.get_shop(), query=query, size=asked.size, position=asked.position)
    body = as_json(page_document(request, page, ready_json))
    return body, conditional.body_etag(body)
