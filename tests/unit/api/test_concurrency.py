"""What is told to whoever has no turn in time."""

from collections.abc import Iterator

import pytest
from django.test import Client

from shop.api import concurrency
from shop.concurrency import ConcurrencyLimit


@pytest.fixture(autouse=True)
def crowd(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everybody else works already, and nobody may wait."""
    limiter = ConcurrencyLimit(1, 0)
    monkeypatch.setattr(concurrency, "REQUESTS", limiter)
    with limiter.acquired():
        yield


def refused(method: str, **headers: str) -> str:
    answer = Client().generic(method, "/api/v1/purchases/", headers=headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.json()["code"]


def test_a_read_has_done_nothing():
    assert refused("GET") == "store-unavailable"


def test_a_write_may_have_been_done_by_an_instance_that_died():
    assert refused("POST") == "outcome-unknown"


def test_a_refusal_carries_what_every_answer_does():
    answer = Client().head("/api/v1/products/", headers={"X-Request-ID": "5" * 32})
    assert (answer.status_code, answer.content) == (503, b"")
    assert answer.headers["X-Request-ID"] == "5" * 32
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/livez", "/metrics"])
def test_who_asks_how_it_is_is_answered_all_the_same(path: str):
    assert Client().get(path).status_code == 200
