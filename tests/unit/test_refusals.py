"""Refusals without the application: only for a whole, usual request, and only with an answer that it has given."""

import pytest

from evergreen.refusals import TO_NGINX, Refusals, usual_request
from tests.unit.serving import request

ID, OTHER_ID = "a" * 32, "b" * 32
BODY = b'{"code":"outcome-unknown","instance":"urn:request:%b"}'


def answer(id: str, connection: str = "keep-alive", media_type: str = "application/problem+json") -> bytes:
    body = BODY % id.encode()
    head = f"HTTP/1.1 503 Service Unavailable\r\nConnection: {connection}\r\nContent-Type: {media_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\nX-Request-ID: {id}\r\n\r\n".encode() + body


def sent(method: str = "POST", path: str = "/api/v1/purchases/", body: bytes = b"{}", **headers: str) -> bytes:
    return request(method, path, body, **{"X_Request_ID": ID, **headers})


def test_an_answer_is_repeated_with_the_id_of_each_request():
    refusals = Refusals()
    refusals.learn(sent(), answer(ID))
    assert refusals.answer(sent(X_Request_ID=OTHER_ID)) == answer(OTHER_ID)
    assert refusals.take_counts() == {"outcome-unknown": 1}
    assert refusals.take_counts() == {}


def test_what_is_beyond_the_places_of_nginx_is_answered_without_an_example_and_counted_apart():
    refusals = Refusals()
    answers = {refusals.answer(sent(method), is_overflow=True) for method in ("GET", "POST")}
    assert [each.partition(b" ")[2][:3] for each in answers if each] == [b"504"]
    assert refusals.take_counts() == {TO_NGINX: 2}
    assert refusals.answer(sent()[:-1], is_overflow=True) is None


def test_reads_and_writes_have_answers_of_their_own():
    refusals = Refusals()
    refusals.learn(sent(), answer(ID))
    assert refusals.answer(sent("GET", body=b"")) is None
    assert refusals.answer(sent("DELETE", body=b"")) is not None


@pytest.mark.parametrize(
    "learnt",
    [answer(ID, connection="close"), answer(ID, media_type="text/html"), answer(ID).replace(b" 503 ", b" 200 ")],
    ids=["closes", "page", "no refusal"],
)
def test_an_answer_that_does_not_suit_others_is_not_repeated(learnt: bytes):
    refusals = Refusals()
    refusals.learn(sent(), learnt)
    assert refusals.answer(sent()) is None


@pytest.mark.parametrize(
    "received",
    [
        sent()[:-1],
        sent() + b"G",
        sent()[:20],
        sent("HEAD", body=b""),
        sent("GET", "/livez", b""),
        sent("GET", "/metrics?name=a", b""),
        sent("GET", "http://shop/", b""),
        sent(Origin="https://shop.example"),
        sent(Connection="close"),
        sent(connection="keep-alive"),
        sent(Expect="100-continue"),
        sent(Transfer_Encoding="chunked"),
        sent().replace(b"Content-Length:", b"Content-Length :"),
        sent(Content_Length="3"),
        sent().replace(b"HTTP/1.1", b"HTTP/1.0"),
        sent(X_Request_ID="of the client"),
        sent("GET", body=b"", Accept="application/json, Text/HTML"),
        sent(Made_Up="a\nb"),
        sent(Made_Up="a\rb"),
        sent(Made_Up="a\nContent-Length: 2"),
        request("GET", "/"),
        b"",
    ],
)
def test_an_unusual_request_is_left_to_the_application(received: bytes):
    assert usual_request(received) is None


@pytest.mark.parametrize("received", [sent(), sent("GET", "/api/v1/products/?q=a", b""), sent("PUT", body=b"a" * 9000)])
def test_a_whole_request_is_a_usual_one(received: bytes):
    found = usual_request(received)
    assert found is not None
    assert (found.id, found.is_read) == (ID.encode(), received.startswith(b"GET"))
