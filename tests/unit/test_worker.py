"""The shop's own worker: order, turns, overload, slow and absent clients."""

import contextlib
import errno
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from gunicorn.http.parser import RequestParser
from prometheus_client import REGISTRY

from evergreen import connections
from evergreen import worker as module
from evergreen.ready_queue import ReadyQueue
from shop.concurrency import SHED_KEY, WaitLimits
from tests.stack_fixtures import wait_until
from tests.unit.serving import TIMEOUT_S, Served, answer, never_waits, request, serving

IDS = [f"{number:032x}" for number in range(9)]
PROBLEM = b'{"code":"store-unavailable","instance":"urn:request:%b"}'


class Application:
    """Answers with method and body; to a request that is shed, with the problem of a shop."""

    def __init__(self) -> None:
        self.calls = Counter[str]()
        self.may_end = threading.Event()
        self.environ: dict[str, Any] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.environ = environ
        path, body = environ["PATH_INFO"], environ["wsgi.input"].read()
        self.calls[path] += 1
        if SHED_KEY in environ:
            id = environ["HTTP_X_REQUEST_ID"]
            document = PROBLEM % id.encode()
            headers = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(document)))]
            start_response("503 Service Unavailable", [*headers, ("X-Request-ID", id), ("Retry-After", "1")])
            return [document]
        if path == "/wait":
            self.may_end.wait(TIMEOUT_S)
        content = environ["REQUEST_METHOD"].encode() + b" " + body
        start_response("200 OK", [("Content-Length", str(len(content)))])
        return [content]


def hung_up_total() -> float:
    return REGISTRY.get_sample_value("evergreen_requests_not_tried_total", {"reason": "hung-up"}) or 0.0


def shed_total() -> float:
    return REGISTRY.get_sample_value("evergreen_requests_shed_total") or 0.0


def get(id: str, path: str = "/", **headers: str) -> bytes:
    return request("GET", path, X_Request_ID=id, **headers)


def test_requests_wait_without_a_thread_and_are_served_in_their_order():
    application = Application()
    with serving(application, slots=1) as served, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(closing(served.connected())) for _ in range(5)]
        clients[0].sendall(request("GET", "/wait"))
        wait_until(lambda: application.calls["/wait"] == 1)
        for client in clients[1:]:
            client.sendall(request("GET", "/"))
        assert served.worker._team.threads == 1
        application.may_end.set()
        assert [answer(client)[0] for client in clients] == [200] * 5


def test_where_too_many_wait_those_that_have_waited_longest_are_refused():
    application = Application()
    with serving(application, slots=1, max_waiting=1) as served, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(closing(served.connected())) for _ in range(5)]
        clients[0].sendall(request("GET", "/wait"))
        wait_until(lambda: application.calls["/wait"] == 1)
        for id, client in zip(IDS, clients[1:], strict=False):
            client.sendall(get(id))
        application.may_end.set()
        assert [answer(client)[0] for client in clients] == [200, 503, 503, 200, 200]


def shed(served: Served, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    with closing(served.connected()) as client:
        client.sendall(sent)
        return answer(client)


def test_after_the_first_refusal_the_application_is_not_called_any_more():
    application, before = Application(), shed_total()
    with serving(application) as served:
        served.limit.wait_limits = never_waits()
        answers = [shed(served, get(id)) for id in IDS]
    assert application.calls["/"] == 1
    for id, (status, headers, content) in zip(IDS, answers, strict=True):
        assert (status, content) == (503, PROBLEM % id.encode())
        assert (headers["x-request-id"], headers["retry-after"], headers["connection"]) == (id, "1", "keep-alive")
    # The application counts its own.
    assert shed_total() == before + len(IDS) - 1


def test_a_connection_serves_requests_after_a_refusal():
    with serving(Application()) as served, closing(served.connected()) as client:
        served.limit.wait_limits = never_waits()
        for id in IDS[:3]:
            client.sendall(get(id))
            assert answer(client)[0] == 503
        served.limit.wait_limits = WaitLimits()
        client.sendall(get(IDS[3]))
        assert answer(client)[0] == 200


@pytest.mark.parametrize(
    ("headers", "is_overloaded", "status"),
    [({"X-Overflow": "1"}, True, 504), ({"X-Overflow": "1"}, False, 200), ({}, True, 200)],
)
def test_in_an_overload_what_exceeds_the_places_of_nginx_is_shed_at_once(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], is_overloaded: bool, status: int
):
    monkeypatch.setattr(ReadyQueue, "is_overloaded", is_overloaded)
    with serving(Application()) as served:
        assert shed(served, get(IDS[0], **headers))[0] == status


def test_what_is_shed_to_nginx_names_its_location_and_leaves_the_connection_open(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ReadyQueue, "is_overloaded", True)
    application = Application()
    with serving(application) as served, closing(served.connected()) as client:
        for id in IDS[:2]:
            client.sendall(get(id, X_Overflow="1"))
            status, headers, body = answer(client)
            assert (status, headers["x-accel-redirect"], body) == (504, "@shed", b"")
        client.sendall(get(IDS[2]))
        assert answer(client)[0] == 200
    assert application.calls.total() == 1


def test_an_unusual_request_beyond_the_places_of_nginx_gets_the_answer_of_the_application(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(ReadyQueue, "is_overloaded", True)
    with serving(Application()) as served:
        assert shed(served, get(IDS[0], X_Overflow="1", Origin="https://a"))[0] == 503


def test_an_unusual_request_is_refused_by_the_application():
    application = Application()
    with serving(application) as served:
        served.limit.wait_limits = never_waits()
        shed(served, get(IDS[0]))
        assert application.calls.total() == 1
        for number, headers in enumerate(
            ({"Origin": "https://a"}, {"Connection": "close"}, {"Expect": "100-continue"})
        ):
            with closing(served.connected()) as client:
                client.sendall(get(IDS[1], **headers))
                received = client.makefile("rb").read(12)
            assert received in (b"HTTP/1.1 503", b"HTTP/1.1 100")
            wait_until(lambda calls=number + 2: application.calls.total() == calls)


def test_several_requests_at_once_are_answered_in_their_order():
    with serving(Application(), slots=1) as served, closing(served.connected()) as client:
        client.sendall(request("POST", "/", b"a" * 20_000) + request("PUT", "/", b"b") + request("PATCH", "/", b"c"))
        received = b""
        while b"PATCH c" not in received:
            received += client.recv(65536)
    assert received.index(b"POST a") < received.index(b"PUT b") < received.index(b"PATCH c")


def test_a_client_that_has_left_is_not_served_and_counted():
    application, before = Application(), hung_up_total()
    with serving(application, slots=1) as served, closing(served.connected()) as first:
        first.sendall(request("GET", "/wait"))
        wait_until(lambda: application.calls["/wait"] == 1)
        with closing(served.connected()) as gone:
            gone.sendall(request("GET", "/gone"))
        application.may_end.set()
        assert served.ask()[0] == 200
        wait_until(lambda: len(served.worker._open) <= 1)
    assert application.calls["/gone"] == 0
    assert hung_up_total() == before + 1


def test_a_closed_connection_leaves_nothing_behind():
    with serving(Application()) as served:
        for _ in range(20):
            with closing(served.connected()) as client:
                client.sendall(request("GET", "/"))
                assert answer(client)[0] == 200
        wait_until(lambda: not served.worker._open)
        assert len(served.worker._queue.armed) == 1


def test_a_body_that_does_not_come_ends_the_connection_and_holds_no_place(monkeypatch):
    monkeypatch.setattr(connections, "IO_TIMEOUT_S", 0.2)
    with serving(Application(), slots=1) as served, closing(served.connected()) as slow:
        slow.sendall(request("POST", "/", b"ab")[:-1])
        assert served.ask()[0] == 200
        assert slow.recv(1) == b""


def test_an_answer_that_is_cut_off_is_logged(monkeypatch, caplog):
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"a" * 1_000_000]

    monkeypatch.setattr(connections, "IO_TIMEOUT_S", 0.1)
    with serving(application) as served, closing(served.connected()) as client:
        client.sendall(request("GET", "/"))
        wait_until(lambda: "An answer was cut off: The client has taken nothing" in caplog.text)
        wait_until(lambda: not served.worker._open)


def test_a_request_that_trickles_in_ends_at_its_time_limit(monkeypatch):
    monkeypatch.setattr(connections, "REQUEST_TIMEOUT_S", 0.0)
    with serving(Application()) as served, closing(served.connected()) as slow:
        slow.sendall(b"GET / HT")
        assert slow.recv(1) == b""


def test_no_more_connections_are_accepted_than_are_set_until_one_is_closed():
    with serving(Application(), worker_connections=2) as served, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(closing(served.connected())) for _ in range(3)]
        wait_until(lambda: len(served.worker._open) >= 2)
        for client in clients:
            client.sendall(request("GET", "/"))
        assert {answer(client)[0] for client in clients[:2]} == {200}
        clients[0].close()
        assert answer(clients[2])[0] == 200


class OutOfFilesOnce(socket.socket):
    """A listener in a process that has no file left for the first connection."""

    has_failed = False

    def accept(self) -> tuple[socket.socket, Any]:
        if not self.has_failed:
            self.has_failed = True
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_a_listener_goes_on_after_the_process_was_out_of_files(monkeypatch):
    monkeypatch.setattr(module, "SWEEP_S", 0.05)
    with serving(Application(), listener_type=OutOfFilesOnce) as served:
        assert served.ask()[0] == 200
        (listener,) = served.worker.sockets
        assert isinstance(listener, OutOfFilesOnce) and listener.has_failed


def test_a_listener_goes_on_after_an_error_and_the_connection_is_closed(monkeypatch):
    monkeypatch.setattr(module, "SWEEP_S", 0.05)
    connections_made = Counter[str]()

    def fails_once(*arguments: Any) -> Any:
        connections_made["all"] += 1
        if connections_made["all"] == 1:
            raise RuntimeError("secret")
        return RequestParser(*arguments)

    monkeypatch.setattr(module, "RequestParser", fails_once)
    with serving(Application()) as served, closing(served.connected()) as first:
        assert first.recv(1) == b""
        assert served.ask()[0] == 200
        wait_until(lambda: not served.worker._open)


def test_an_error_while_a_request_is_refused_is_answered():
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
        yield b"begun"
        raise RuntimeError("secret")

    with serving(application) as served:
        served.limit.wait_limits = never_waits()
        assert served.ask()[0] == 500


def test_an_error_after_a_refusal_was_sent_is_not_answered_too():
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("503 Service Unavailable", [("Content-Length", "4")])
        return [b"busy"]

    chunked = b"POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"
    with serving(application) as served, closing(served.connected()) as client:
        served.limit.wait_limits = never_waits()
        client.sendall(chunked)
        received = client.makefile("rb").read()
    assert received.endswith(b"\r\n\r\nbusy")


def test_an_error_in_the_middle_of_a_response_ends_the_connection():
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"begun"
        raise RuntimeError("secret")

    with serving(application) as served, closing(served.connected()) as client:
        client.sendall(request("GET", "/"))
        received = client.makefile("rb").read()
    assert received.endswith(b"5\r\nbegun\r\n")


def test_a_line_break_in_a_header_is_an_error():
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("X-Made-Up", "a\r\nSet-Cookie: b")])
        return [b""]

    with serving(application) as served:
        assert served.ask()[0] == 500


def test_an_answer_has_the_present_date_and_a_repeated_refusal_none():
    with serving(Application()) as served:
        _, headers, _ = served.ask()
        served.limit.wait_limits = never_waits()
        refusals = [shed(served, get(id))[1] for id in IDS[:2]]
    assert abs(parsedate_to_datetime(headers["date"]).timestamp() - time.time()) < 2
    assert ["date" in each for each in refusals] == [True, False]


class Restless:
    """Blocks, nested too, fails, streams and answers, at random, and notes how many work at once."""

    def __init__(self) -> None:
        self._randoms, self._lock = random.Random(11), threading.Lock()
        self._working = 0
        self.most_working = 0
        self.served: Any = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        limit = self.served.limit
        with self._lock:
            kind = self._randoms.choice(["block", "nest", "fail", "stream", "answer"])
        with limit.acquired():
            self._count(1)
            try:
                if kind in ("block", "nest"):
                    self._count(-1)
                    with limit.released(), limit.released() if kind == "nest" else contextlib.nullcontext():
                        time.sleep(0.002)
                    self._count(1)
                # As where a reply of the store comes at once.
                time.sleep(0.0005)
                if kind == "fail":
                    raise RuntimeError(kind)
            finally:
                self._count(-1)
        start_response("200 OK", [] if kind == "stream" else [("Content-Length", "2")])
        return [b"o", b"k"]

    def _count(self, change: int) -> None:
        with self._lock:
            self._working += change
            self.most_working = max(self.most_working, self._working)


def test_under_stress_every_request_is_answered_and_no_thread_and_no_connection_is_left_over():
    application, statuses, lock = Restless(), Counter[int](), threading.Lock()

    def ask(number: int) -> None:
        for _ in range(5):
            with closing(application.served.connected()) as client:
                for _ in range(8):
                    client.sendall(request("GET", "/"))
                    status, headers, _ = answer(client)
                    with lock:
                        statuses[status] += 1
                    if headers["connection"] == "close":
                        break

    with serving(application, slots=2, threads=6) as served:
        application.served = served
        clients = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(TIMEOUT_S)
            assert not client.is_alive()
        wait_until(lambda: not served.worker._open)
        assert served.ask()[0] in (200, 500)
        assert served.worker._team.threads <= 6
        assert served.limit._free == 2
    assert set(statuses) == {200, 500}
    assert application.most_working == 2


def test_a_stopping_worker_answers_what_has_begun_and_closes_idle_connections(monkeypatch):
    monkeypatch.setattr(module, "LINGER_S", 0.1)
    application = Application()
    with serving(application) as served, closing(served.connected()) as begun, closing(served.connected()) as idle:
        idle.sendall(request("GET", "/"))
        answer(idle)
        begun.sendall(request("GET", "/wait"))
        wait_until(lambda: application.calls["/wait"] == 1)
        served.worker.alive = False
        idle.settimeout(TIMEOUT_S)
        assert idle.recv(1) == b""
        application.may_end.set()
        status, headers, _ = answer(begun)
        assert (status, headers["connection"]) == (200, "close")
