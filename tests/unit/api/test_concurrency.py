"""Load shedding: the responses to requests that get no slot in time."""

from collections.abc import Iterator

import pytest
from django.test import Client

from shop.api import concurrency
from shop.concurrency import ConcurrencyLimit
from tests.unit.test_telemetry import added


@pytest.fixture(autouse=True)
def overload(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The only slot is taken, and no request may wait for it."""
    limiter = ConcurrencyLimit(1, 0)
    monkeypatch.setattr(concurrency, "REQUESTS", limiter)
    with limiter.acquired():
        yield


def refusal(method: str, **headers: str) -> str:
    response = Client().generic(method, "/api/v1/purchases/", headers=headers)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.json()["code"]


def test_a_shed_read_is_store_unavailable():
    assert refusal("GET") == "store-unavailable"


def test_a_shed_write_is_outcome_unknown_because_another_instance_may_have_carried_it_out():
    assert refusal("POST") == "outcome-unknown"


def test_a_shed_request_gets_the_headers_of_every_response():
    response = Client().head("/api/v1/products/", headers={"X-Request-ID": "5" * 32})
    assert (response.status_code, response.content) == (503, b"")
    assert response.headers["X-Request-ID"] == "5" * 32
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/livez", "/metrics"])
def test_probes_and_metrics_are_served_under_overload(path: str):
    assert Client().get(path).status_code == 200


def test_shed_requests_are_counted():
    assert added(lambda: refusal("GET"), "evergreen_requests_shed_total") == 1
