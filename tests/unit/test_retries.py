"""What the published Python client repeats, and under which key.

The module is loaded by itself, because the rest of its package is generated when it is built."""

import importlib.util
from types import ModuleType

import httpx
import pytest

from clients.tools import ROOT

PATH = ROOT / "clients" / "python" / "evergreen_client" / "retries.py"
UNAVAILABLE, BUSY = httpx.Response(503, headers={"Retry-After": "2"}), httpx.Response(429, headers={"Retry-After": "5"})


@pytest.fixture(scope="module")
def retries() -> ModuleType:
    spec = importlib.util.spec_from_file_location("retries", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Answers:
    """Answers requests one after the other; an error is raised. The last one is repeated."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.keys: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers.get("Idempotency-Key"))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers)


@pytest.fixture
def send(retries: ModuleType):
    """Send a request to a server that answers so; returns the status, the keys and the pauses."""

    def send(method: str, *answers: httpx.Response | Exception, **headers: str):
        server, pauses = Answers(*answers), []
        transport = retries.RetryTransport(httpx.MockTransport(server), sleep=pauses.append)
        with httpx.Client(transport=transport, base_url="http://shop.example") as client:
            status = client.request(method, "/", headers=headers).status_code
        return status, server.keys, pauses

    return send


def test_a_post_is_repeated_under_one_key_after_the_pause_that_the_shop_names(send):
    status, keys, pauses = send("POST", UNAVAILABLE, BUSY, httpx.Response(201))
    assert (status, len(keys), pauses) == (201, 3, [2.0, 5.0])
    assert len({*keys}) == 1
    assert len(keys[0]) == 32


def test_the_key_of_the_caller_is_used(send):
    _, keys, _ = send("POST", UNAVAILABLE, httpx.Response(201), **{"Idempotency-Key": "order-1001"})
    assert keys == ["order-1001"] * 2


def test_a_broken_connection_is_no_failure_of_a_post_or_a_get(send):
    for method in ("POST", "GET"):
        status, keys, pauses = send(method, httpx.ReadError("gone"), httpx.Response(200))
        assert (status, len(keys), pauses) == (200, 2, [0.2])


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_change_without_a_key_is_not_repeated_where_it_may_have_been_done(send, method):
    assert send(method, UNAVAILABLE, httpx.Response(200))[0] == 503
    with pytest.raises(httpx.ReadError):
        send(method, httpx.ReadError("gone"), httpx.Response(200))


def test_a_change_that_was_not_admitted_is_repeated(send):
    assert send("PATCH", BUSY, httpx.Response(200))[0] == 200


@pytest.mark.parametrize("status", [200, 304, 400, 404, 409, 412, 422, 500])
def test_another_answer_is_not_repeated(send, status: int):
    answered, keys, pauses = send("POST", httpx.Response(status))
    assert (answered, len(keys), pauses) == (status, 1, [])


def test_repeats_end(send):
    status, keys, pauses = send("GET", httpx.Response(503))
    assert (status, len(keys)) == (503, 6)
    assert pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2])


def test_no_pause_is_longer_than_half_a_minute(send):
    assert send("GET", httpx.Response(429, headers={"Retry-After": "3600"}), httpx.Response(200))[2] == [30.0]
