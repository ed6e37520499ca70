"""Real topologies for tests, one each per session: `redis_stack` (nodes and Sentinels) and `stack` (everything)."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from devstack import lifecycle
from devstack.temporary import TIMEOUT_S, RunningStack, running


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
