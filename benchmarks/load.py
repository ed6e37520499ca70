"""Load: requests that are written beforehand, sent over a few kept connections, one after the other on each."""

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

TIMEOUT_S = 30.0


def http(method: str, path: str, body: bytes = b"", token: str = "") -> bytes:
    """The request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Accept: application/json"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def send(port: int, requests: Sequence[bytes], connections: int) -> None:
    """Send them all to a server on this machine, and return when all are answered.

    Raises:
        AssertionError: an answer is not a success.
    """
    shares = [list(islice(requests, place, None, connections)) for place in range(connections)]
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(lambda share: _send(port, share), shares))


def _send(port: int, requests: Sequence[bytes]) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
        for request in requests:
            connection.sendall(request)
            answer = _answer(connection)
            assert answer.startswith(b"HTTP/1.1 2"), answer.decode()


def _answer(connection: socket.socket) -> bytes:
    """One whole answer of known length."""
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(connection)
    head = received[:end].lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(received) < end + 4 + length:
        received += _more(connection)
    return received


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    assert received, "the connection ended before the answer did"
    return received
