"""One exchange with a data node or a Sentinel, in the few lines of the protocol that a launcher needs.

A launcher runs before every start of a server, so it loads nothing but the standard library.
"""

import socket
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

TIMEOUT = 0.3


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> "Address":
        """The address that is written `host:port`. Raises ValueError when it is not."""
        host, _, port = text.rpartition(":")
        return cls(host, int(port))

    @classmethod
    def parse_all(cls, text: str) -> "tuple[Address, ...]":
        """The addresses that are written `host:port,host:port`. Raises ValueError when they are not."""
        return tuple(cls.parse(part.strip()) for part in text.split(","))


class ErrorReply(Exception):
    """The server refused a command."""


class Unreachable(Exception):
    """Nobody listens there."""


class Silent(Unreachable):
    """Somebody may listen there, and does not answer in time."""


def exchange(address: Address, *commands: Sequence[str], timeout: float = TIMEOUT, source: str = "") -> list[Any]:
    """What the server answers to each command; a refused one is answered by an ErrorReply in its place. `source` is the
    address to call from. Raises Unreachable, or Silent when no answer comes within `timeout` seconds."""
    try:
        origin = (source, 0) if source else None
        with socket.create_connection(address, timeout, source_address=origin) as connection:
            connection.sendall(b"".join(map(_encode, commands)))
            with connection.makefile("rb") as answer:
                return [_read(answer) for _ in commands]
    except TimeoutError as fault:
        raise Silent(str(address)) from fault
    except (OSError, EOFError) as fault:
        raise Unreachable(str(address)) from fault


def ask(address: Address, *commands: Sequence[str], source: str = "") -> list[Any]:
    """As `exchange`, where no command may be refused. Raises ErrorReply for one that is."""
    answers = exchange(address, *commands, source=source)
    for answer in answers:
        if isinstance(answer, ErrorReply):
            raise answer
    return answers


def _encode(command: Sequence[str]) -> bytes:
    words = [word.encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def _read(answer: BinaryIO) -> Any:
    line = answer.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError
    kind, rest = line[:1], line[1:-2].decode()
    if kind == b"-":
        return ErrorReply(rest)
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return _read_text(answer, int(rest))
    if kind == b"*":
        return [_read(answer) for _ in range(int(rest))]
    return rest


def _read_text(answer: BinaryIO, length: int) -> str | None:
    if length < 0:
        return None
    data = answer.read(length + 2)
    if len(data) < length + 2:
        raise EOFError
    return data[:-2].decode()
