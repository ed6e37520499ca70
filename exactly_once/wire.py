"""Commands and replies on a connection that redis-py has made: packed and parsed by hiredis.

redis-py's own way from a command to the socket and back costs more than the rest of this package together, because it
serves every option that a client may have. A connection here is used by one thread at a time, for batches of commands.
"""

import select
import socket
import time
from collections.abc import Sequence
from typing import Any

import hiredis
from redis.connection import Connection, DefaultParser
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import InvalidResponse
from redis.exceptions import TimeoutError as TimedOut

Command = Sequence[str | int | float | bytes]

#: As much as is read at once. Most replies are shorter.
READ_BYTES = 16 * 1024
#: The shortest time that a socket waits for the other end, in seconds: 0 would mean that it does not wait at all.
MIN_WAIT_S = 0.001
_INCOMPLETE = object()


class Wire:
    """The socket of a connected `connection`, which it takes over until it is closed."""

    def __init__(self, connection: Connection, sock: socket.socket) -> None:
        self._connection = connection
        self._socket = sock
        self._timeout_s: float | None = None
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=DefaultParser.parse_error,
            encoding="utf-8",
            errors="strict",
            notEnoughData=_INCOMPLETE,
        )

    @property
    def is_idle(self) -> bool:
        """Whether it is open, and nothing has come that no command asked for."""
        return not self._poll.poll(0) and not self._reader.has_data()

    def send(self, commands: Sequence[Command], until: float) -> None:
        """Send these commands at once; `until` is on the clock of time.monotonic().

        Raises:
            TimedOut, Disconnected: a part of them may have been sent.
        """
        packed = b"".join([_packed(command) for command in commands])
        self._wait_at_most(until)
        try:
            self._socket.sendall(packed)
        except TimeoutError as error:
            raise TimedOut("The server does not take what is sent.") from error
        except OSError as error:
            raise Disconnected(str(error)) from error

    def reply(self, until: float) -> Any:
        """The next reply, or the ResponseError in its place. What was read of a reply when time ran out is not lost:
        the next call continues.

        Raises:
            TimedOut: it was not there in time.
            Disconnected: the connection has ended.
            InvalidResponse: it is no reply of a server.
        """
        while (reply := self._reader.gets()) is _INCOMPLETE:
            self._reader.feed(self._received(until))
        return reply

    def close(self) -> None:
        """Close the connection."""
        self._connection.disconnect()

    def _received(self, until: float) -> bytes:
        self._wait_at_most(until)
        try:
            received = self._socket.recv(READ_BYTES)
        except TimeoutError as error:
            raise TimedOut("The server does not reply in time.") from error
        except OSError as error:
            raise Disconnected(str(error)) from error
        if not received:
            raise Disconnected("The server has closed the connection.")
        return received

    def _wait_at_most(self, until: float) -> None:
        self._socket.settimeout(max(until - time.monotonic(), MIN_WAIT_S))


def _packed(command: Command) -> bytes:
    # hiredis's stub says tuples of one element, and means tuples of any length.
    packed: bytes = hiredis.pack_command(tuple(command))  # type: ignore[arg-type]
    return packed
