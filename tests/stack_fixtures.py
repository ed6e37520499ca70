"""Real servers for tests: `redis_stack` (data nodes and Sentinels) and `stack` (everything), one each per session; and
`data_node`, a single one for each module."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from devstack import lifecycle, servers
from devstack.settings import ROOT, Settings
from devstack.temporary import TIMEOUT_S, RunningStack, free_port, running
from exactly_once.client import Address, Node
from exactly_once.errors import ServerError


def wait_until(is_so: Callable[[], bool], timeout_s: float = TIMEOUT_S, pause_s: float = 0.05) -> None:
    """Returns when it is so; fails the test when it is not after `timeout_s` seconds. It is asked again after a
    pause."""
    end = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > end:
            pytest.fail(f"not so after {timeout_s:.0f} s")
        time.sleep(pause_s)


def primary_of(stack: RunningStack) -> str:
    """The name of the primary, as soon as a majority of the Sentinels names one: a busy machine may delay them."""
    name: str | None = None

    def is_named() -> bool:
        nonlocal name
        name = stack.primary
        return name is not None

    wait_until(is_named)
    assert name
    return name


class SocketTransport(httpx.HTTPTransport):
    """Calls the server behind a socket. Where none listens, httpx alone would leave its own open."""

    def __init__(self, path: Path) -> None:
        super().__init__(uds=str(path))
        self._path = path

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._path))
            except OSError as error:
                raise httpx.ConnectError(str(error), request=request) from error
        return super().handle_request(request)


def instance_client(path: Path, timeout: float = 5.0) -> httpx.Client:
    """Calls the API instance behind this socket directly."""
    return httpx.Client(base_url="http://localhost", transport=SocketTransport(path), timeout=timeout)


@pytest.fixture(scope="session")
def redis_stack() -> Iterator[RunningStack]:
    """Three data nodes and three Sentinels, whole, with as many stores as there are tests."""
    with running("127.21", lifecycle.DATA_ONLY, stores="*") as started:
        started.wait_until_whole()
        yield started


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """The whole topology, serving."""
    with running("127.22", lifecycle.EVERYTHING) as started:
        started.wait_until_serving()
        yield started


@pytest.fixture(scope="module")
def data_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One server as a data node is configured, empty, without replicas and Sentinels: for what scripts cost. A busy
    machine makes its answers late, and cannot have it replaced."""
    directory = tmp_path_factory.mktemp("data-node")
    node = Node(Address("127.0.0.1", free_port()))
    words = [servers.find(Settings(run=directory)).redis, ROOT / "deploy" / "redis" / "redis.conf"]
    alone = ["--min-replicas-to-write", "0", "--appendonly", "no", "--save", ""]
    listening = ["--bind", node.address.host, "--port", node.address.port, "--dir", directory]
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen([str(word) for word in (*words, *listening, *alone)], stdout=log, stderr=log)
    try:
        wait_until(lambda: _answers(node))
        yield node
    finally:
        node.close()
        server.terminate()
        server.wait(TIMEOUT_S)


def _answers(node: Node) -> bool:
    with suppress(ServerError):
        node.run(("PING",), timeout=1.0)
        return True
    return False
