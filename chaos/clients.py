"""Clients that do not wait for their response."""

import socket
from contextlib import suppress

from exactly_once.client import Address

TIMEOUT_S = 2.0
#: More than nginx buffers in memory, and no more than it takes.
LARGE_BODY = b" " * 100_000


def hang_up(nginx: Address, count: int) -> None:
    """Send so many requests, and close each connection at once: reads, and every second time a purchase by an unknown
    buyer, with a large body."""
    read = _head(nginx, "GET", "/api/v1/products/?page_size=100")
    write = _head(nginx, "POST", "/api/v1/purchases/", len(LARGE_BODY)) + LARGE_BODY
    for number in range(count):
        with suppress(OSError), socket.create_connection(nginx, TIMEOUT_S) as connection:
            connection.sendall(write if number % 2 else read)


def _head(nginx: Address, method: str, path: str, length: int = 0) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {nginx}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()
