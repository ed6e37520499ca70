"""Replies of a server, parsed in Python (RESP2), where hiredis is not installed: beside a data node, whose image may
have any version of Python."""

from collections.abc import Callable
from typing import Any

from redis.exceptions import InvalidResponse

_END = b"\r\n"
#: Arrays in arrays; the replies of a server have three.
MAX_DEPTH = 8


class _Incomplete(Exception):
    """The rest of the reply has not arrived."""


class PlainReader:
    """As `hiredis.Reader`: takes pieces of what was received, and gives whole replies. `parse_error` makes an error of
    its text; `incomplete` is given where no whole reply is there."""

    def __init__(self, parse_error: Callable[[str], Exception], incomplete: object) -> None:
        self._parse_error = parse_error
        self._incomplete = incomplete
        self._received = b""
        self._place = 0

    def feed(self, data: bytes) -> None:
        """Add what was received."""
        self._received += data

    def has_data(self) -> bool:
        """Whether anything of a next reply is here."""
        return bool(self._received)

    def gets(self) -> Any:
        """Return the next whole reply, or `incomplete`.

        Raises:
            InvalidResponse: it is no reply of a server.
        """
        self._place = 0
        try:
            reply = self._reply(0)
        except _Incomplete:
            return self._incomplete
        self._received = self._received[self._place :]
        return reply

    def _reply(self, depth: int) -> Any:
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return self._parse_error(rest.decode())
        if kind not in (b":", b"$", b"*") or depth > MAX_DEPTH:
            raise InvalidResponse(f"Not a reply: {line[:20]!r}")
        try:
            number = int(rest)
        except ValueError:
            raise InvalidResponse(f"Not a number: {rest[:20]!r}") from None
        if kind == b":":
            return number
        if number < 0:
            return None
        return self._bytes(number).decode() if kind == b"$" else [self._reply(depth + 1) for _ in range(number)]

    def _line(self) -> bytes:
        end = self._received.find(_END, self._place)
        if end < 0:
            raise _Incomplete
        line = self._received[self._place : end]
        self._place = end + len(_END)
        return line

    def _bytes(self, length: int) -> bytes:
        end = self._place + length
        if len(self._received) < end + len(_END):
            raise _Incomplete
        found = self._received[self._place : end]
        self._place = end + len(_END)
        return found
