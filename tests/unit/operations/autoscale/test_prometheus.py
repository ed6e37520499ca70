"""What is asked of Prometheus, and what is made of its answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from operations.autoscale.policy import Load
from operations.autoscale.prometheus import Prometheus, SignalMissing, parse, query
from operations.monitoring_access import authorization


def answer(**signals: object) -> bytes:
    result = [{"metric": {"signal": name}, "value": [1.0, value]} for name, value in signals.items()]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = self.server.answers(self)  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    served = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    served.answers = lambda request: (200, answer(instances="2", requests="5.5", cpu="0.7"))  # type: ignore[attr-defined]
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield served
    served.shutdown()
    served.server_close()


def asked(server: ThreadingHTTPServer, password: str = "", path: str = "") -> Load:
    return Prometheus(f"http://127.0.0.1:{server.server_port}{path}", password, 15.0).load()


def test_the_signals_are_read_from_one_answer(server):
    assert asked(server) == Load(instances=2, requests=5.5, cpu_cores=0.7)


def test_prometheus_is_asked_with_the_password_and_behind_a_path(server):
    seen = []

    def look(request):
        seen.append((request.path, request.headers["Authorization"]))
        return 200, answer(instances="2", requests="1")

    server.answers = look
    assert asked(server, "secret", "/prometheus/").cpu_cores is None
    ((path, header),) = seen
    assert header == authorization("secret")
    assert urlsplit(path).path == "/prometheus/api/v1/query"
    assert parse_qs(urlsplit(path).query) == {"query": [query(15.0)]}


@pytest.mark.parametrize("status", [401, 404, 422, 500, 503])
def test_a_status_that_is_no_success_is_no_signal(server, status):
    server.answers = lambda request: (status, answer(instances="2", requests="1"))
    with pytest.raises(SignalMissing, match=str(status)):
        asked(server)


def test_where_nothing_listens_there_is_no_signal(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(SignalMissing, match="does not answer"):
        asked(server)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"data": {"result": [{}]}}',
        answer(),
        answer(instances="0", requests="0"),
        answer(instances="2"),
        answer(requests="2"),
        answer(instances="2", requests="NaN"),
        answer(instances="2", requests="+Inf"),
        answer(instances="2", requests="-1"),
        answer(instances="2", requests="many"),
        answer(instances="2", requests=None),
    ],
)
def test_an_answer_without_a_number_of_each_is_no_signal(body):
    with pytest.raises(SignalMissing):
        parse(body)
