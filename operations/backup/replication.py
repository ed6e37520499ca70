"""A node's data as a file, copied over the wire by the protocol of replication."""

import socket
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from redis.exceptions import ConnectionError as Disconnected

from exactly_once import tls
from exactly_once.client import CONNECT_TIMEOUT_S, Address
from exactly_once.credentials import Credentials

#: Seconds that a node may be silent: it sends signs of life while it makes the copy.
MAX_SILENCE_S = 30.0
CHUNK = 2**20
_MARK_BYTES = 40


class CopyFailed(Exception):
    """The node gave no copy of its data, or not all of it."""


def copy_data(
    source: Address, target: Path, *, credentials: Credentials | None = None, known_as: Address | None = None
) -> int:
    """Write the node's data at one instant to `target`, as an RDB file, and return its size in bytes.

    The node counts this client neither for WAIT nor for min-replicas-to-write. But a primary lists it among its
    replicas while it makes the copy, and Sentinels remember every replica listed there for good: `known_as` is the
    replica whose address is given instead. Not needed where the source is a replica itself.

    Raises:
        CopyFailed.
    """
    try:
        with _connected(source, credentials) as wire:
            wire.settimeout(MAX_SILENCE_S)
            with wire.makefile("rb") as replies, target.open("wb") as file:
                if credentials:
                    _authenticate(wire, replies, credentials)
                return sum(_write(file, part) for part in _snapshot(wire, replies, known_as))
    except (OSError, Disconnected) as error:
        raise CopyFailed(f"{source}: {error}") from error


def _connected(source: Address, credentials: Credentials | None) -> socket.socket:
    wire = socket.create_connection(source, timeout=CONNECT_TIMEOUT_S)
    authority = credentials.authority if credentials else None
    return tls.connect(wire, source.host, authority) if authority else wire


def _authenticate(wire: socket.socket, replies: BufferedReader, credentials: Credentials) -> None:
    # Neither has a character that a line of this protocol would need quoted.
    wire.sendall("AUTH {} {}\r\n".format(*credentials.get_credentials()).encode())
    answer = _line(replies)
    if answer != b"+OK":
        raise CopyFailed(f"{credentials.username} is not let in: {answer.decode(errors='replace')}")


def _snapshot(wire: socket.socket, replies: BufferedReader, known_as: Address | None) -> Iterator[bytes]:
    for option in _options(known_as):
        wire.sendall(f"REPLCONF {option}\r\n".encode())
        # A server that does not know the option says so, and goes on without it.
        _line(replies)
    wire.sendall(b"SYNC\r\n")
    size = _line(replies)
    if not size.startswith(b"$"):
        raise CopyFailed(f"no copy is given: {size.decode(errors='replace')}")
    if size.startswith(b"$EOF:"):
        return _until(replies, size[5:])
    return _exactly(replies, int(size[1:]))


def _options(known_as: Address | None) -> Iterator[str]:
    yield "capa eof"
    yield "rdb-only 1"
    if known_as:
        yield f"ip-address {known_as.host}"
        yield f"listening-port {known_as.port}"


def _line(replies: BufferedReader) -> bytes:
    while (line := replies.readline()) == b"\n":
        pass  # a sign of life
    if not line.endswith(b"\n"):
        raise CopyFailed("the connection ended")
    return line.strip()


def _exactly(replies: BufferedReader, size: int) -> Iterator[bytes]:
    while size:
        part = replies.read(min(size, CHUNK))
        if not part:
            raise CopyFailed(f"the connection ended {size} bytes early")
        size -= len(part)
        yield part


def _until(replies: BufferedReader, mark: bytes) -> Iterator[bytes]:
    pending = b""
    while pending[-_MARK_BYTES:] != mark:
        part = replies.read1(CHUNK)
        if not part:
            raise CopyFailed("the connection ended early")
        pending += part
        if len(pending) > CHUNK and pending[-_MARK_BYTES:] != mark:
            yield pending[:-_MARK_BYTES]
            pending = pending[-_MARK_BYTES:]
    yield pending[:-_MARK_BYTES]


def _write(file: BinaryIO, part: bytes) -> int:
    return file.write(part)
