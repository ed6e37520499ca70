"""Both workers with which gunicorn can serve the shop, as processes: framing, connections, TLS, reloads and stops."""

import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.serving import TIMEOUT_S, answer, request

ROOT = Path(__file__).resolve().parents[2]
WORKERS = ["evergreen.worker.Worker", "evergreen.threaded_worker.Worker"]
GUNICORN = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--threads", "8", "--keep-alive", "1"]
APPLICATION = """
import time

def application(environ, start_response):
    path, body = environ["PATH_INFO"], environ["wsgi.input"].read()
    if path == "/slow":
        time.sleep(1.5)
    if path == "/fails":
        raise RuntimeError("secret")
    pieces = [b"one ", b"two"] if path == "/stream" else [environ["REQUEST_METHOD"].encode() + b" " + body]
    length = [] if path == "/stream" else [("Content-Length", str(sum(map(len, pieces))))]
    start_response("204 No Content" if path == "/nothing" else "200 OK", [] if path == "/nothing" else length)
    return [] if path == "/nothing" else pieces
"""


class Gunicorn:
    """A process with one worker, and its socket."""

    def __init__(self, directory: str, worker_class: str, *words: str) -> None:
        self.path = Path(directory, "socket")
        Path(directory, "echo.py").write_text(APPLICATION)
        bind = ["--bind", f"unix:{self.path}", "--worker-class", worker_class]
        environment = {**os.environ, "PYTHONPATH": f"{directory}:{ROOT}"}
        self.process = subprocess.Popen(
            [*GUNICORN, *bind, *words, "echo:application"],
            cwd=directory,
            env=environment,
            stderr=subprocess.DEVNULL,
        )

    def connected(self) -> socket.socket:
        end = time.monotonic() + TIMEOUT_S
        while True:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(TIMEOUT_S)
            try:
                connection.connect(str(self.path))
                return connection
            except OSError:
                connection.close()
                assert time.monotonic() < end
                time.sleep(0.02)

    def end(self) -> None:
        self.process.kill()
        self.process.wait(TIMEOUT_S)


@pytest.fixture(scope="module", params=WORKERS, ids=["leader-followers", "gthread"])
def gunicorn(request: pytest.FixtureRequest) -> Iterator[Gunicorn]:
    # The path of a socket is short.
    with tempfile.TemporaryDirectory() as directory:
        gunicorn = Gunicorn(directory, request.param)
        yield gunicorn
        gunicorn.end()


@pytest.fixture
def connection(gunicorn: Gunicorn) -> Iterator[socket.socket]:
    with closing(gunicorn.connected()) as connection:
        yield connection


def test_a_connection_serves_one_request_after_the_other(connection: socket.socket):
    for body in (b"first", b"second"):
        connection.sendall(request("POST", "/", body))
        status, headers, content = answer(connection, "POST")
        assert (status, content, headers["connection"]) == (200, b"POST " + body, "keep-alive")


def test_requests_that_arrive_together_are_answered_in_their_order(connection: socket.socket):
    connection.sendall(request("POST", "/", b"a" * 5000) + request("PUT", "/", b"b"))
    received = b""
    while b"PUT b" not in received:
        received += connection.recv(65536)
    assert received.index(b"POST aaa") < received.index(b"PUT b")


def test_head_and_body_are_sent_in_one_piece(connection: socket.socket):
    connection.sendall(request("GET", "/"))
    assert connection.recv(65536).endswith(b"\r\n\r\nGET ")


def test_a_body_of_unknown_length_is_chunked(connection: socket.socket):
    connection.sendall(request("GET", "/stream"))
    status, headers, content = answer(connection)
    assert (status, headers["transfer-encoding"], content) == (200, "chunked", b"one two")
    connection.sendall(request("GET", "/"))
    assert answer(connection)[0] == 200


def test_an_old_client_gets_the_end_of_the_connection_as_the_end_of_the_body(connection: socket.socket):
    connection.sendall(request("GET", "/stream", version="1.0"))
    status, headers, content = answer(connection)
    assert (status, headers["connection"], content) == (200, "close", b"one two")
    assert connection.recv(1) == b""


@pytest.mark.parametrize(("method", "path"), [("HEAD", "/"), ("GET", "/nothing")])
def test_nothing_follows_a_head_that_has_no_body(connection: socket.socket, method: str, path: str):
    connection.sendall(request(method, path))
    assert answer(connection, method)[2] == b""
    connection.sendall(request("GET", "/"))
    assert answer(connection)[2] == b"GET "


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(connection: socket.socket):
    sent = request("POST", "/", b"body", Expect="100-continue")
    connection.sendall(sent[: -len(b"body")])
    assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(b"body")
    assert answer(connection, "POST")[2] == b"POST body"


def test_bodies_may_come_slowly_while_others_are_served(gunicorn: Gunicorn, connection: socket.socket):
    # More of them than threads are ready at a time.
    slow = [gunicorn.connected() for _ in range(6)]
    for each in slow:
        each.sendall(request("POST", "/", b"ab")[:-1])
    connection.sendall(request("GET", "/"))
    assert answer(connection)[0] == 200
    for each in slow:
        with closing(each):
            each.sendall(b"b")
            assert answer(each, "POST")[2] == b"POST ab"


def test_an_idle_connection_is_closed(connection: socket.socket):
    connection.sendall(request("GET", "/"))
    answer(connection)
    assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("sent", "status"), [(b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: b\r\n\r\n", 400), (request("GET", "/fails"), 500)]
)
def test_an_error_is_a_problem_that_repeats_nothing(connection: socket.socket, sent: bytes, status: int):
    connection.sendall(sent)
    found, headers, content = answer(connection)
    assert (found, headers["content-type"]) == (status, "application/problem+json")
    assert b"secret" not in content and b"Bad Header" not in content
    assert connection.recv(1) == b""


@pytest.fixture(params=WORKERS, ids=["leader-followers", "gthread"])
def directory(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A worker class, and an empty directory."""
    with tempfile.TemporaryDirectory() as directory:
        yield request.param, directory


def test_a_worker_that_ends_answers_what_it_has_begun(directory: tuple[str, str]):
    gunicorn = Gunicorn(directory[1], directory[0])
    with closing(gunicorn.connected()) as begun, closing(gunicorn.connected()) as idle:
        idle.sendall(request("GET", "/"))
        answer(idle)
        begun.sendall(request("GET", "/slow"))
        time.sleep(0.2)
        gunicorn.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        # The client cannot know yet: the last answer says that the connection stays open.
        idle.sendall(request("GET", "/"))
        status, headers, _ = answer(idle)
        assert (status, headers["connection"]) == (200, "close")
        assert answer(begun)[0] == 200
    assert gunicorn.process.wait(TIMEOUT_S) == 0


def test_a_reload_replaces_the_worker_and_fails_no_request(directory: tuple[str, str]):
    gunicorn = Gunicorn(directory[1], directory[0])
    try:
        for turn in range(20):
            with closing(gunicorn.connected()) as connection:
                connection.sendall(request("GET", "/"))
                assert answer(connection)[0] == 200
            if turn == 5:
                gunicorn.process.send_signal(signal.SIGHUP)
            time.sleep(0.02)
    finally:
        gunicorn.end()


def certificate(directory: str) -> tuple[Path, Path]:
    """A certificate of its own authority, and its key."""
    certificate, key = Path(directory, "a.pem"), Path(directory, "a.key")
    words = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=shop"]
    subprocess.run(
        ["openssl", "req", *words, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    return certificate, key


def test_requests_come_by_tls_where_there_is_a_certificate(directory: tuple[str, str]):
    cert, key = certificate(directory[1])
    gunicorn = Gunicorn(directory[1], directory[0], "--certfile", str(cert), "--keyfile", str(key))
    context = ssl.create_default_context(cafile=str(cert))
    context.check_hostname = False
    try:
        with closing(gunicorn.connected()) as plain:
            plain.sendall(request("GET", "/"))
            assert not plain.recv(65536).startswith(b"HTTP/1.1 2")
        with closing(context.wrap_socket(gunicorn.connected())) as connection:
            for body in (b"small", b"a" * 100_000):
                connection.sendall(request("POST", "/", body))
                response = http.client.HTTPResponse(connection, method="POST")
                response.begin()
                assert response.read() == b"POST " + body
    finally:
        gunicorn.end()
