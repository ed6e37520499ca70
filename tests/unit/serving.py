"""A worker of an API instance in a thread of the test's process, without an arbiter, before any WSGI application."""

import http.client
import logging
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from gunicorn.config import Config

from evergreen import worker as module
from evergreen.worker import Worker
from shop.concurrency import ConcurrencyLimit, WaitLimits
from tests.stack_fixtures import wait_until

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
TIMEOUT_S = 10


class Log(logging.LoggerAdapter[logging.Logger]):
    """gunicorn's log, which has no lines of requests."""

    def access(self, *_: object) -> None:
        """Log nothing."""


class Served:
    """A running worker, and where it listens."""

    def __init__(self, worker: Worker, path: Path, limit: ConcurrencyLimit) -> None:
        self.worker, self.path, self.limit = worker, path, limit

    def connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT_S)
        connection.connect(str(self.path))
        return connection

    def ask(self, method: str = "GET", path: str = "/", body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """The answer on a connection of its own."""
        with closing(self.connected()) as connection:
            connection.sendall(request(method, path, body))
            return answer(connection, method)


@contextmanager
def serving(
    application: Application,
    slots: int = 2,
    max_waiting: int = 300,
    listener_type: type[socket.socket] = socket.socket,
    **settings: Any,
) -> Iterator[Served]:
    """Serves this application until the block ends; `settings` are gunicorn's."""
    limit, config = ConcurrencyLimit(slots, max_waiting), Config()
    for name, value in {"threads": 8, "worker_connections": 100, "graceful_timeout": 5, **settings}.items():
        config.set(name, value)
    # The path of a socket is short.
    with tempfile.TemporaryDirectory() as directory, listener_type(socket.AF_UNIX) as listener:
        path = Path(directory, "socket")
        listener.bind(str(path))
        listener.listen(100)
        log: Any = Log(logging.getLogger("gunicorn.error"))
        worker = Worker(0, os.getppid(), [listener], None, 30, config, log)
        served: Any = application
        worker.wsgi, worker.PIPE = served, [*os.pipe()]
        with mock.patch.object(module, "REQUESTS", limit):
            thread = threading.Thread(target=worker.run)
            thread.start()
            wait_until(lambda: hasattr(worker, "_team"))
            try:
                yield Served(worker, path, limit)
            finally:
                stop(worker)
                thread.join(TIMEOUT_S)
                worker.tmp.close()
                for end in worker.PIPE:
                    os.close(end)
        assert not thread.is_alive()


def stop(worker: Worker) -> None:
    """Ask the worker to end, as the signal does."""
    worker.alive = False
    os.write(worker.PIPE[1], b"1")


def never_waits() -> WaitLimits:
    """Limits that every request has exceeded."""
    return WaitLimits(read_s=-1, write_s=-1, overload_s=-1)


def request(method: str, path: str, body: bytes = b"", version: str = "1.1", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: shop", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer(connection: socket.socket, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
