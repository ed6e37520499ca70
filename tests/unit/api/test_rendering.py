from datetime import UTC, datetime

import orjson
import pytest
from django.test import Client

from shop.api.products import ProductViewSet
from shop.api.rendering import JSONRenderer, as_data, as_json, ready_json
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
    assert (response.json()["sku"], response.headers["ETag"]) == ("APPLE", '"1.10"')
    assert anyone.get(f"/products/{apple.id}/", If_None_Match='"1.10"').status_code == 304


@pytest.mark.usefixtures("ready_resources")
def test_the_form_of_a_resource_of_ready_json_has_its_values(anyone: ApiClient, boss: User, apple: Product):
    token = anyone.post("/auth/token/", {"email": boss.email, "password": PASSWORD}).json()["token"]
    browser = Client(headers={"Accept": "text/html", "Authorization": f"Bearer {token}"})
    page = browser.get(f"/api/v1/products/{apple.id}/").content.decode()
    assert f'value="{apple.name}"' in page
    assert "&quot;sku&quot;: &quot;APPLE&quot;" in page
