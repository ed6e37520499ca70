"""nginx as it is deployed, in front of two stand-ins for API instances."""

import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

import pytest

from devstack import edge, render, servers
from devstack.edge import NO_LIMITS
from devstack.layout import INSTANCES, NGINX, Layout
from devstack.settings import Settings
from devstack.temporary import free_port
from exactly_once.client import Address
from tests.stack_fixtures import wait_until

#: What nginx asks for to hear whether an instance has time. No page has this address.
QUESTION = "/overflow"


@dataclass
class Seen:
    """A request as it reached an instance."""

    instance: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def is_repeat_of(self, earlier: "Seen") -> bool:
        """Whether this instance had the same request before."""
        return self.instance == earlier.instance and self.headers["X-Request-ID"] == earlier.headers["X-Request-ID"]


@dataclass
class Instances:
    """Two stand-ins for API instances. Those in `broken` hang up on every request, those in `stumbling` when they see
    it for the first time, those in `frozen` never answer, those in `cut_off` say so unless they are to answer anyway,
    and those in `overloaded` shed what is beyond their places."""

    seen: list[Seen] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    stumbling: set[str] = field(default_factory=set)
    frozen: set[str] = field(default_factory=set)
    cut_off: set[str] = field(default_factory=set)
    overloaded: set[str] = field(default_factory=set)
    #: Headers and body of every answer.
    headers: dict[str, str] = field(default_factory=dict)
    body: Callable[[Seen], bytes] = lambda seen: seen.instance.encode()
    thawed: threading.Event = field(default_factory=threading.Event)
    status: int = 200
    #: Who is signed in, as an instance says it to the log.
    user: str = "somebody's id"


class Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """nginx hangs up on an instance that it has passed over."""


def handler(name: str, instances: Instances) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen = Seen(name, self.command, self.path, dict(self.headers), body)
            is_first = not any(seen.is_repeat_of(earlier) for earlier in instances.seen)
            instances.seen.append(seen)
            if name in instances.frozen:
                instances.thawed.wait()
            if name in instances.broken | instances.frozen or (name in instances.stumbling and is_first):
                self.close_connection = True
                return
            is_cut_off = name in instances.cut_off and not self.headers.get("X-Serve-Degraded")
            is_shed = name in instances.overloaded and self.headers.get("X-Overflow") == "1"
            # It looks at its queue first.
            status = 404 if self.path == QUESTION else instances.status
            self.send_response(504 if is_shed else 502 if is_cut_off else status)
            if is_cut_off or is_shed:
                self.send_header("X-Accel-Redirect", "@shed" if is_shed else "@not_tried")
            answered = instances.body(seen)
            self.send_header("Content-Length", str(len(answered)))
            for header, value in instances.headers.items():
                self.send_header(header, value)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("X-Request-ID", "of the instance")
            self.send_header("X-Evergreen-Route", "stand-in")
            if user := instances.user:
                self.send_header("X-Evergreen-User", user)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answered)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

        def address_string(self) -> str:
            return name

        def log_message(self, *args: Any) -> None:
            return

    return Handler


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(settings=Settings(run=tmp_path, port=free_port(), address_limits=NO_LIMITS))


@pytest.fixture
def instances(layout: Layout) -> Iterator[Instances]:
    with stand_ins(layout) as shared:
        yield shared


@contextlib.contextmanager
def stand_ins(layout: Layout) -> Iterator[Instances]:
    """Both stand-ins, on the sockets of this layout."""
    shared = Instances()
    layout.sockets.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as running:
        running.callback(shutil.rmtree, layout.memory, ignore_errors=True)
        for name in INSTANCES:
            server = running.enter_context(Server(str(layout.socket(name)), handler(name, shared)))
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            running.callback(server.shutdown)
        running.callback(shared.thawed.set)
        yield shared


@contextlib.contextmanager
def nginx(
    layout: Layout, upstreams: str | None = None, is_ready: Callable[[Layout], bool] | None = None
) -> Iterator[None]:
    """nginx with its configuration, in front of other upstreams where they are given. Its output is in its logs."""
    # No server of the store runs here, so it does not matter that the installed one has no TLS.
    programs = servers.find(replace(layout.settings, tls=False))
    render.write_all(layout, programs, {}, ("api", NGINX))
    if upstreams is not None:
        for name, text in {"instances.conf": upstreams, **edge.divided(upstreams, 0)}.items():
            (layout.directory(NGINX) / name).write_text(text)
    with layout.log(NGINX).open("wb") as log, layout.log("nginx-errors").open("wb") as errors:
        running = subprocess.Popen(render.command(layout, programs, NGINX), stdout=log, stderr=errors)
        try:
            wait_until(lambda: (is_ready or answers)(layout))
            yield
        finally:
            running.terminate()
            running.wait()
            shutil.rmtree(layout.nginx_cache, ignore_errors=True)
            # The sockets of stand-ins may be in it.
            with contextlib.suppress(OSError):
                layout.memory.rmdir()


def upstreams(addresses: Sequence[str]) -> str:
    """These instances, as nginx includes them."""
    return edge.instances(addresses)


@pytest.fixture
def log(layout: Layout, instances: Instances) -> Iterator[Path]:
    """The access log of an nginx that runs in front of the instances."""
    with nginx(layout):
        yield layout.log(NGINX)


def answers(layout: Layout) -> bool:
    with contextlib.suppress(OSError):
        return ask(layout, "GET", "/metrics")[0] == 404
    return False


def ask(
    layout: Layout, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*layout.nginx, timeout=40)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def connects(layout: Layout) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(layout.nginx):
        return True
    return False


def raw(layout: Layout, request: bytes) -> bytes:
    return raw_to(layout.nginx, request)


def raw_to(address: Address, request: bytes) -> bytes:
    """Everything that is answered to these bytes, until the connection ends."""
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(request)
        with connection.makefile("rb") as answer:
            return answer.read()


def parsed(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body


def code_of(headers: dict[str, str], body: bytes) -> str:
    """The code of a problem; empty where the answer is none."""
    return json.loads(body)["code"] if headers.get("Content-Type") == "application/problem+json" else ""


def assert_is_problem(answer: tuple[int, dict[str, str], bytes], status: int, code: str) -> None:
    given, headers, body = answer
    problem = json.loads(body)
    assert given == status
    assert headers["Content-Type"] == "application/problem+json"
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, f"/problems/{code}")
    assert problem["instance"] == f"urn:request:{headers['X-Request-ID']}"
    assert problem.keys() == {"type", "title", "status", "detail", "instance", "code"}
