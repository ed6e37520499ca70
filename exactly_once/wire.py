"""Commands and replies on a connection that redis-py has made: packed and parsed by hiredis, where it is installed.

redis-py's own way from a command to the socket and back costs more than the rest of this package together, because it
serves every option that a client may have. A connection here is used by one thread at a time, for batches of commands.
"""

import select
import socket
import ssl
import struct
import time
from collections.abc import Sequence
from typing import Any

from redis.connection import Connection, DefaultParser
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import InvalidResponse
from redis.exceptions import TimeoutError as TimedOut

from exactly_once.plain_reader import PlainReader

try:
    import hiredis
except ModuleNotFoundError:
    # Beside a data node: it is compiled for one version of Python, and an image of the server may have any.
    hiredis = None  # type: ignore[assignment]

Command = Sequence[str | int | float | bytes]

#: As much as is read at once. Most replies are shorter.
READ_BYTES = 16 * 1024
#: The longest time that a server may take nothing of what is sent, in seconds. It is the same for every command of a
#: request: a change is a system call. Callers that wait for longer than LONG_TIMEOUT_S have no request waiting: they
#: send much at once, and a server that is busy meanwhile takes it later.
MAX_SEND_WAIT_S, LONG_TIMEOUT_S = 0.25, 1.0
#: The shortest time that a socket waits for the other end, in seconds: 0 would mean that it waits for ever.
MIN_WAIT_S = 0.001
#: A connection that was used so many seconds ago is not looked at before it is used again.
FRESH_S = 0.05
_INCOMPLETE = object()
#: How a socket says that it has waited for as long as it may, without TLS and with it.
_WAITED_IN_VAIN = (BlockingIOError, TimeoutError)


class Wire:
    """The socket of a connected `connection`, which it takes over until it is closed.

    Without TLS the kernel limits how long the socket waits (SO_RCVTIMEO), not Python: that would take two system calls
    where one does, and before each of them a thread gives the interpreter to another one."""

    def __init__(self, connection: Connection, sock: socket.socket) -> None:
        self._connection = connection
        self._socket = sock
        self._waits_s = {socket.SO_RCVTIMEO: 0.0, socket.SO_SNDTIMEO: 0.0}
        if not isinstance(sock, ssl.SSLSocket):
            sock.settimeout(None)
        self._used_at = 0.0
        self._reader = _reader()

    @property
    def is_usable(self) -> bool:
        """Whether it was used just now, or else is open, and nothing has come that no command asked for."""
        return time.monotonic() - self._used_at < FRESH_S or not (self._reader.has_data() or self._is_readable())

    def send(self, commands: Sequence[Command], timeout_s: float) -> None:
        """Send these commands at once.

        Raises:
            TimedOut, Disconnected: a part of them may have been sent.
        """
        packed = b"".join([self._packed(command) for command in commands])
        wait_s = timeout_s if timeout_s > LONG_TIMEOUT_S else min(timeout_s, MAX_SEND_WAIT_S)
        self._wait_at_most(wait_s, socket.SO_SNDTIMEO)
        try:
            self._socket.sendall(packed)
        except _WAITED_IN_VAIN as error:
            raise TimedOut("The server does not take what is sent.") from error
        except OSError as error:
            raise Disconnected(str(error)) from error

    def reply(self, until: float, max_wait_s: float) -> Any:
        """The next reply, or the RedisError in its place; `until` is on the clock of time.monotonic(), and `max_wait_s`
        how long the server may be silent before that. What was read of a reply when time ran out is not lost: the next
        call continues.

        Raises:
            TimedOut: it was not there in time.
            Disconnected: the connection has ended.
            InvalidResponse: it is no reply of a server.
        """
        while (reply := self._reader.gets()) is _INCOMPLETE:
            self._wait_at_most(min(until - time.monotonic(), max_wait_s), socket.SO_RCVTIMEO)
            self._reader.feed(self._received())
        return reply

    def rest(self) -> None:
        """Note that all replies have been read."""
        self._used_at = time.monotonic()

    def close(self) -> None:
        """Close the connection."""
        self._connection.disconnect()

    def _received(self) -> bytes:
        try:
            received = self._socket.recv(READ_BYTES)
        except _WAITED_IN_VAIN as error:
            raise TimedOut("The server does not reply in time.") from error
        except OSError as error:
            raise Disconnected(str(error)) from error
        if not received:
            raise Disconnected("The server has closed the connection.")
        return received

    def _wait_at_most(self, wait_s: float, option: int) -> None:
        if wait_s <= 0:
            raise TimedOut("There is no time left.")
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket.settimeout(wait_s)
        elif wait_s != self._waits_s[option]:
            self._waits_s[option] = wait_s
            seconds, microseconds = divmod(int(max(wait_s, MIN_WAIT_S) * 1_000_000), 1_000_000)
            self._socket.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, microseconds))

    def _packed(self, command: Command) -> bytes:
        if hiredis is None:
            return b"".join(self._connection.pack_command(*command))
        # hiredis's stub says tuples of one element, and means tuples of any length.
        packed: bytes = hiredis.pack_command(tuple(command))  # type: ignore[arg-type]
        return packed

    def _is_readable(self) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))


def _reader() -> Any:
    if hiredis is None:
        return PlainReader(DefaultParser.parse_error, _INCOMPLETE)
    return hiredis.Reader(
        protocolError=InvalidResponse,
        replyError=DefaultParser.parse_error,
        encoding="utf-8",
        errors="strict",
        notEnoughData=_INCOMPLETE,
    )
