"""Load: requests that are written beforehand, sent over a few kept connections, one after the other on each."""

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

TIMEOUT = 30.0


def http(method: str, path: str, body: bytes = b"", token: str = "") -> bytes:
    """The request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Accept: application/json"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def send(port: int, requests: Sequence[bytes], connections: int) -> None:
    """Send them all to a server on this machine, and returns when all are answered.

    Raises:
        AssertionError: an answer is not a success.
    """
    shares = [list(islice(requests, place, None, connections)) for place in range(connections)]
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(lambda share: _send(port, share), shares))


def _send(port: int, requests: Sequence[bytes]) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        for request in requests:
            connection.sendall(request)
            answer = _answer(connection)
            assert answer.startswith(b"HTTP/1.1 2"), answer.decode()


def _answer(connection: socket.socket) -> bytes:
    """One whole answer of known length."""
    got = b""
    while (end := got.find(b"\r\n\r\n")) < 0:
        got += _more(connection)
    head = got[:end].lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(got) < end + 4 + length:
        got += _more(connection)
    return got


def _more(connection: socket.socket) -> bytes:
    got = connection.recv(65536)
    assert got, "the connection ended before the answer did"
    return got
