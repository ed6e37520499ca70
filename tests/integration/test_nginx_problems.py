"""Each answer that nginx makes itself is a problem, with what a client needs to know."""

import json
import shutil
import socket
from pathlib import Path

import pytest

from devstack.layout import NGINX
from shop.api.limits import MAX_BODY_BYTES
from tests.integration.edge import Layout, ask, assert_is_problem, parsed, raw

pytestmark = pytest.mark.usefixtures("log")

#: One byte a chunk: with what is around it, six times as much is sent as nginx has memory for.
TINY_CHUNKS = b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"
CHUNKED = b"POST /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def full_disk(layout: Layout, log: Path) -> None:
    """No body can be written to nginx's directory, also not by root."""
    directory = layout.directory(NGINX) / "body"
    shutil.rmtree(directory)
    directory.write_text("no directory")


@pytest.mark.usefixtures("full_disk")
def test_a_body_of_the_greatest_size_needs_no_disk(layout, instances):
    assert ask(layout, "POST", "/x", b"x" * MAX_BODY_BYTES)[0] == 200
    assert len(instances.seen[0].body) == MAX_BODY_BYTES


@pytest.mark.usefixtures("full_disk")
def test_a_body_that_cannot_be_buffered_was_not_passed_on(layout, instances):
    answer = parsed(raw(layout, CHUNKED + TINY_CHUNKS))
    assert_is_problem(answer, 503, "store-unavailable")
    assert answer[1]["Retry-After"] == "1"
    assert not instances.seen


@pytest.mark.parametrize(
    "request_bytes",
    [
        CHUNKED + b"no number\r\n",
        CHUNKED + b"5\r\nabcdeXX",
        CHUNKED + b"ffffffffffffffffff\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /../.. HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_a_request_that_breaks_the_rules_of_http_is_a_problem(layout, instances, request_bytes):
    answer = raw(layout, request_bytes)
    assert_is_problem(parsed(answer), 400, "bad-request")
    assert not instances.seen


@pytest.mark.parametrize("target", [b"TRACE /", b"CONNECT a:443"])
def test_a_method_that_nginx_refuses_is_a_problem(layout, instances, target):
    answer = parsed(raw(layout, target + b" HTTP/1.1\r\nHost: a:443\r\nConnection: close\r\n\r\n"))
    assert_is_problem(answer, 405, "method-not-allowed")


def test_a_chunked_body_above_the_limit_is_a_problem(layout, instances):
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    assert_is_problem(parsed(raw(layout, CHUNKED + chunk * 3)), 413, "payload-too-large")
    assert not instances.seen


def test_a_range_is_the_concern_of_the_instance(layout, instances):
    status, _, body = ask(layout, "GET", "/x", headers={"Range": "bytes=999-"})
    assert (status, body in (b"api-1", b"api-2")) == (200, True)


def test_a_client_of_http_0_9_names_no_host_and_gets_a_problem(layout, instances):
    assert json.loads(raw(layout, b"GET /x\r\n"))["code"] == "misdirected-request"
    assert not instances.seen


def test_a_body_that_ends_too_early_reaches_no_instance(layout, instances):
    with socket.create_connection(layout.nginx, timeout=5) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf")
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert answer == b"" or json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "bad-request"
    assert ask(layout, "GET", "/")[0] == 200
    assert [seen.method for seen in instances.seen] == ["GET"]
