"""Every request is answered in time, whatever the instances do: the arithmetic is in ADR 23."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from itertools import combinations_with_replacement
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn

import pytest

from devstack.edge import NO_LIMITS
from devstack.layout import Layout
from devstack.settings import Settings
from devstack.temporary import free_port
from shop.api.limits import MAX_BODY_BYTES
from tests.integration import edge

#: ADR 23, and something for a machine that runs other tests too.
MAX_WRITE_S, MAX_READ_S = 11.5 + 1.5, 8.1 + 1.5
#: Just below the time that nginx waits for one answer to a write.
ALMOST_A_TRY_S = 3.4


class Server(ThreadingMixIn, TCPServer):
    daemon_threads = True
    allow_reuse_address = True


class Handler(BaseHTTPRequestHandler):
    """An instance that answers what `answer` returns; None hangs up."""

    protocol_version = "HTTP/1.1"
    answer: Callable[["Handler"], int | None]

    def handle_any(self) -> None:
        status = type(self).answer(self)
        if status is None:
            self.close_connection = True
            return
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(status)
        if status == 502:
            self.send_header("X-Accel-Redirect", "@not_tried")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = handle_any

    def log_message(self, *args: object) -> None:
        return


def is_degraded(request: Handler) -> bool:
    return "X-Serve-Degraded" in request.headers


def freeze(request: Handler) -> None:
    """Reads nothing and never answers."""
    time.sleep(60)


def hang_up(request: Handler) -> None:
    """Has the whole request, and ends."""
    request.rfile.read(int(request.headers.get("Content-Length", 0)))


def cut_off(request: Handler) -> int:
    return 200 if is_degraded(request) else 502


def cut_off_and_waiting(request: Handler) -> int:
    if is_degraded(request):
        freeze(request)
    return 502


def late(request: Handler) -> int:
    time.sleep(ALMOST_A_TRY_S)
    return 502


BEHAVIOURS = {
    "frozen": freeze,
    "hanging up": hang_up,
    "cut off": cut_off,
    "cut off and waiting": cut_off_and_waiting,
    "late": late,
    "refused": None,
    "black-holed": None,
}


@dataclass(frozen=True)
class Seen:
    status: int
    code: str
    seconds: float


def start_instance(running: ExitStack, behaviour: str) -> str:
    """Start an instance; return its address."""
    if behaviour in ("refused", "black-holed"):
        return _unreachable(running, is_listening=behaviour == "black-holed")
    answer = staticmethod(BEHAVIOURS[behaviour])
    server = running.enter_context(Server(("127.0.0.1", 0), type("Instance", (Handler,), {"answer": answer})))
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    running.callback(server.shutdown)
    return f"127.0.0.1:{server.server_address[1]}"


def _unreachable(running: ExitStack, *, is_listening: bool) -> str:
    """An address that refuses connections, or never answers: its queue is full."""
    server = running.enter_context(socket.socket())
    server.bind(("127.0.0.1", 0))
    if is_listening:
        server.listen(0)
        for _ in range(3):
            waiting = running.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
    return f"127.0.0.1:{server.getsockname()[1]}"


def answers(directory: Path, behaviours: tuple[str, str]) -> dict[str, Seen]:
    """The answers to a read and a write through an nginx of its own, asked at once."""
    layout = Layout(settings=Settings(run=directory, port=free_port(), address_limits=NO_LIMITS))
    with ExitStack() as running:
        addresses = [start_instance(running, each) for each in behaviours]
        running.enter_context(edge.nginx(layout, edge.upstreams(addresses)))
        with ThreadPoolExecutor(2) as clients:
            asked = {method: clients.submit(seen, layout, method) for method in ("GET", "POST")}
            return {method: answer.result() for method, answer in asked.items()}


def seen(layout: Layout, method: str) -> Seen:
    started = time.monotonic()
    status, headers, body = edge.ask(layout, method, "/x", b"x" * MAX_BODY_BYTES if method == "POST" else None)
    seconds = time.monotonic() - started
    return Seen(status, edge.code_of(headers, body), seconds)


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Seen]]:
    """What was answered in front of every pair of instances."""
    pairs = list(combinations_with_replacement(BEHAVIOURS, 2))
    directories = [tmp_path_factory.mktemp("n") for _ in pairs]
    with ThreadPoolExecutor(len(pairs)) as threads:
        return dict(zip(pairs, threads.map(answers, directories, pairs), strict=True))


@pytest.mark.parametrize(("method", "max_s"), [("GET", MAX_READ_S), ("POST", MAX_WRITE_S)])
def test_every_request_is_answered_in_time(answered, method, max_s):
    late = {pair: seen[method] for pair, seen in answered.items() if seen[method].seconds > max_s}
    assert late == {}


@pytest.mark.parametrize("behaviour", ["frozen", "late", "refused", "black-holed", "hanging up", "cut off"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_instance_that_is_cut_off_serves_where_the_other_cannot(answered, method, behaviour):
    (answer,) = (seen[method] for pair, seen in answered.items() if sorted(pair) == sorted(("cut off", behaviour)))
    assert answer.status == 200


@pytest.mark.parametrize("pair", [*combinations_with_replacement(("refused", "black-holed"), 2)], ids="-".join)
def test_a_write_that_reached_no_instance_did_nothing(answered, pair):
    answer = answered[pair]["POST"]
    assert (answer.status, answer.code) == (503, "store-unavailable")


def test_a_write_that_reached_an_instance_is_unknown(answered):
    failed = {pair: seen["POST"] for pair, seen in answered.items() if seen["POST"].status != 200}
    reached = {pair: answer.code for pair, answer in failed.items() if not {*pair} <= {"refused", "black-holed"}}
    assert set(reached.values()) == {"outcome-unknown"}
