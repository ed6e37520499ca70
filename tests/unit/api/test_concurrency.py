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


def refused(method: str, **headers: str) -> str:
    answer = Client().generic(method, "/api/v1/purchases/", headers=headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.json()["code"]


def test_a_shed_read_is_store_unavailable():
    assert refused("GET") == "store-unavailable"


def test_a_shed_write_is_outcome_unknown_because_another_instance_may_have_carried_it_out():
    assert refused("POST") == "outcome-unknown"


def test_a_shed_request_gets_the_headers_of_every_response():
    answer = Client().head("/api/v1/products/", headers={"X-Request-ID": "5" * 32})
    assert (answer.status_code, answer.content) == (503, b"")
    assert answer.headers["X-Request-ID"] == "5" * 32
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/livez", "/metrics"])
def test_probes_and_metrics_are_served_under_overload(path: str):
    assert Client().get(path).status_code == 200


def test_shed_requests_are_counted():
    assert added(lambda: refused("GET"), "evergreen_requests_shed_total") == 1
