from datetime import UTC, datetime

import orjson
import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from shop.api.conditional import product_etag
from shop.api.products import ProductViewSet
from shop.api.rendering import (
    BrowsableRenderer,
    JSONRenderer,
    Negotiation,
    _prefers_html,
    as_data,
    as_json,
    prefers_html,
    ready_json,
)
from shop.domain.products import Product
from shop.domain.users import User
from tests.samples import PASSWORD
from tests.unit.api.client import ApiClient

RECORD = b'{"name": "Apple",\n "stock":3}'
PARSED = {"name": "Apple", "stock": 3}


def test_ready_json_is_sent_byte_by_byte():
    assert as_json(ready_json(RECORD)) == RECORD
    assert JSONRenderer().render(ready_json(RECORD)) == RECORD


def test_ready_json_is_sent_unchanged_among_other_data():
    at = datetime(2026, 1, 2, tzinfo=UTC)
    page = {"at": at, "results": [ready_json(RECORD), {"stock": 4}]}
    assert as_json(page) == b'{"at":"2026-01-02T00:00:00Z","results":[' + RECORD + b',{"stock":4}]}'


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (ready_json(RECORD), PARSED),
        ({"results": [ready_json(RECORD)]}, {"results": [PARSED]}),
        (PARSED, PARSED),
    ],
)
def test_the_browsable_api_shows_ready_json_indented_like_other_data(body, data):
    assert as_data(body) == data
    indented = JSONRenderer().render(body, renderer_context={"indent": 4})
    assert indented == orjson.dumps(data, option=orjson.OPT_INDENT_2)


@pytest.fixture
def ready_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products reach the response as ready JSON."""
    respond = ProductViewSet.resource_response

    def respond_ready(self, request, body, etag):
        return respond(self, request, ready_json(as_json(body)), etag)

    monkeypatch.setattr(ProductViewSet, "resource_response", respond_ready)


@pytest.mark.usefixtures("ready_resources")
def test_a_resource_of_ready_json_has_its_etag_and_validates_against_the_document(anyone: ApiClient, apple: Product):
    response = anyone.get(f"/products/{apple.id}/")
    assert (response.json()["sku"], response.headers["ETag"]) == ("APPLE", product_etag(apple))
    assert anyone.get(f"/products/{apple.id}/", If_None_Match=product_etag(apple)).status_code == 304


@pytest.mark.usefixtures("ready_resources")
def test_the_form_of_a_resource_of_ready_json_has_its_values(anyone: ApiClient, boss: User, apple: Product):
    token = anyone.post("/auth/token/", {"email": boss.email, "password": PASSWORD}).json()["token"]
    browser = Client(headers={"Accept": "text/html", "Authorization": f"Bearer {token}"})
    page = browser.get(f"/api/v1/products/{apple.id}/").content.decode()
    assert f'value="{apple.name}"' in page
    assert '<span class="json-key">&quot;sku&quot;</span>: <span class="json-text">&quot;APPLE&quot;</span>' in page


ACCEPTED = [
    "",
    "*/*",
    "application/json",
    "application/*",
    "text/html",
    "text/html, */*",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "text/html;q=0.9,*/*;q=0.8",
    "application/json, text/html",
]
#: Where DRF goes by the order of its renderers, and ignores weights.
WEIGHTED = [
    "text/html; charset=utf-8",
    "text/html, application/json",
    "application/json;q=0.5, text/html",
    "text/html;q=0.5, application/json",
    "text/html;q=0, */*",
]


def accepting(accept: str) -> HttpRequest:
    return RequestFactory().get("/", headers={"Accept": accept} if accept else {})


@pytest.mark.parametrize("accept", ACCEPTED)
def test_the_renderer_is_the_one_that_drf_selects(accept: str):
    renderers = [JSONRenderer(), BrowsableRenderer()]
    request = Request(accepting(accept))
    selected = DefaultContentNegotiation().select_renderer(request, renderers)[0]
    for _ in range(2):
        assert Negotiation().select_renderer(request, renderers) == (selected, selected.media_type)


@pytest.mark.parametrize("accept", [*ACCEPTED, *WEIGHTED])
def test_html_is_preferred_where_django_prefers_it_the_first_time_and_later(accept: str):
    request = accepting(accept)
    preferred = bool(accept) and request.get_preferred_type(["application/json", "text/html"]) == "text/html"
    assert [prefers_html(request), prefers_html(request)] == [preferred] * 2


def test_no_more_accept_headers_are_remembered_than_the_limit():
    for number in range(100):
        prefers_html(accepting(f"text/html;q=0.{number}"))
    assert _prefers_html.cache_info().currsize == _prefers_html.cache_info().maxsize == 64
