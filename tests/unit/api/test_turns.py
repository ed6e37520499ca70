"""What is told to whoever has no turn in time."""

import time
from collections.abc import Iterator

import pytest
from django.test import Client

from shop.api import turns
from shop.concurrency import Limiter


@pytest.fixture(autouse=True)
def crowd(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everybody else works already, and nobody may wait."""
    limiter = Limiter(1, 0)
    monkeypatch.setattr(turns, "REQUESTS", limiter)
    with limiter.working():
        yield


def refused(method: str, **headers: str) -> str:
    answer = Client().generic(method, "/api/v1/purchases/", headers=headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.json()["code"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_was_done_for_a_request_that_is_here_for_the_first_time(method: str):
    assert refused(method) == "store-unavailable"


def test_a_read_never_did_anything():
    assert refused("GET", X_Request_Start=str(time.time() - 5)) == "store-unavailable"


@pytest.mark.parametrize("path", ["/livez", "/metrics"])
def test_who_asks_how_it_is_is_answered_all_the_same(path: str):
    assert Client().get(path).status_code == 200


@pytest.mark.parametrize("headers", [{"X-Request-Start": "5"}, {"Idempotency-Key": "mine"}])
def test_a_write_that_another_instance_may_have_had_may_be_done(headers: dict[str, str]):
    if "X-Request-Start" in headers:
        headers = {"X-Request-Start": str(time.time() - float(headers["X-Request-Start"]))}
    assert refused("POST", **headers) == "outcome-unknown"
