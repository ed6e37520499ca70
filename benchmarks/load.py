"""Load from threads of this process: requests that are written beforehand, over connections that stay open."""

import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle

TIMEOUT_S, RECONNECT_S = 30.0, 0.05
MAX_RECEIVED_BYTES = 65_536


class ConnectionEnded(Exception):
    """The connection ended before the answer did."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, 0 where there was none, and the seconds that it took."""

    status: int
    seconds: float


def http(method: str, path: str, body: bytes = b"", headers: Sequence[str] = ()) -> bytes:
    """The request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Accept: application/json", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def send(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> list[Answer]:
    """Send requests to a server on this machine for so many seconds, the next one on each connection when the answer
    is there."""
    end = time.monotonic() + seconds
    shares = [cycle(requests[place::connections] or requests) for place in range(connections)]
    with ThreadPoolExecutor(connections) as pool:
        answers = pool.map(lambda share: list(_answers(port, share, end)), shares)
        return [answer for each in answers for answer in each]


def ask(port: int, request: bytes) -> tuple[int, bytes]:
    """Send one request, and return the status and the body of its answer.

    Raises:
        OSError, ConnectionEnded.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
        return exchange(connection, request)


def exchange(connection: socket.socket, request: bytes) -> tuple[int, bytes]:
    """Send one request over a connection, and return the status and the body of its answer.

    Raises:
        OSError, ConnectionEnded.
    """
    connection.sendall(request)
    return _answer(connection)


def _answers(port: int, requests: Iterator[bytes], end: float) -> Iterator[Answer]:
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
                yield from _over(connection, requests, end)
        except (OSError, ConnectionEnded):
            yield Answer(0, 0.0)
            time.sleep(RECONNECT_S)


def _over(connection: socket.socket, requests: Iterator[bytes], end: float) -> Iterator[Answer]:
    while (began := time.monotonic()) < end:
        status, _ = exchange(connection, next(requests))
        yield Answer(status, time.monotonic() - began)


def _answer(connection: socket.socket) -> tuple[int, bytes]:
    """The status and the body of one whole answer of known length."""
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(connection)
    head = received[:end].lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(received) < end + 4 + length:
        received += _more(connection)
    return int(head.split(b" ", 2)[1]), received[end + 4 :]


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(MAX_RECEIVED_BYTES)
    if not received:
        raise ConnectionEnded
    return received
