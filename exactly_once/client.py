"""Connections to single servers. Nothing here is ever sent twice: who repeats, and when, is decided by the callers."""

import socket
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.backoff import NoBackoff
from redis.connection import Connection
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import InvalidResponse, RedisError, ResponseError
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry

from exactly_once.server_errors import NothingDone, ScriptMissing, Unclear, fault_of
from shop import telemetry

Command = Sequence[str | int | float | bytes]

CONNECT_TIMEOUT = 0.3


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Wire(Connection):
    """A connection that is called from an address of one's own, where one is named: redis-py has no word for that."""

    def __init__(self, address: Address, source: str) -> None:
        self._source = (source, 0) if source else None
        super().__init__(  # type: ignore[no-untyped-call]
            host=address.host,
            port=address.port,
            socket_connect_timeout=CONNECT_TIMEOUT,
            socket_timeout=CONNECT_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            protocol=2,
            driver_info=None,
        )

    def _connect(self) -> socket.socket:
        wire = socket.create_connection((self.host, self.port), CONNECT_TIMEOUT, source_address=self._source)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return wire


class Replies(list[Any]):
    """What a server said to several commands; `last_took` is how long the last reply came after the one before it, in
    seconds."""

    last_took = 0.0


class Node:
    """One server, and the connections to it that wait for the next command. `source` is the address to call from; the
    system's choice where it is empty."""

    def __init__(self, address: Address, source: str = "") -> None:
        self.address = address
        self._source = source
        self._idle: deque[Connection] = deque()
        self._suspect_until = 0.0

    @property
    def is_suspect(self) -> bool:
        """Whether it failed to answer within the last second, so that asking it first would cost a timeout."""
        return time.monotonic() < self._suspect_until

    def run(self, *commands: Command, timeout: float) -> Replies:
        """The replies in their order, of commands sent at once on one connection; `timeout` in seconds is for all.

        Raises:
            NothingDone: no connection could be had, or the server refused before it did anything.
            Unclear: the connection ended or time ran out after something was sent.
            ResponseError: a command is wrong.
        """
        with telemetry.connection_busy():
            replies = self._exchange(commands, timeout)
        for place, reply in enumerate(replies):
            if isinstance(reply, RedisError):
                raise _fault(reply, is_first=place == 0) from reply
        return replies

    def _exchange(self, commands: Sequence[Command], timeout: float) -> Replies:
        connection = self._connected()
        until = time.monotonic() + timeout
        try:
            connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            replies = self._replies(connection, len(commands), until)
        except (Disconnected, TimedOut, InvalidResponse) as error:
            # Whoever answers nonsense is no server of ours.
            self._distrust(connection)
            raise Unclear(f"{self.address}: {error}") from error
        except BaseException:
            connection.disconnect()
            raise
        self._suspect_until = 0.0
        self._idle.append(connection)
        return replies

    def wire(self) -> Connection:
        """A connection of the caller's own, not yet connected."""
        return Wire(self.address, self._source)

    def close(self) -> None:
        """Closes the waiting connections."""
        while self._idle:
            self._idle.pop().disconnect()

    def _connected(self) -> Connection:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took the last one
                break
            if _is_usable(connection):
                return connection
            connection.disconnect()
        return self._connect()

    def _connect(self) -> Connection:
        connection = self.wire()
        telemetry.connection_opened()
        try:
            connection.connect()
        except (Disconnected, TimedOut, InvalidResponse) as error:
            self._distrust(connection)
            raise NothingDone(f"{self.address}: {error}") from error
        return connection

    def _replies(self, connection: Connection, number: int, until: float) -> Replies:
        replies = Replies(self._reply(connection, until) for _ in range(number - 1))
        before = time.monotonic()
        replies.append(self._reply(connection, until))
        replies.last_took = time.monotonic() - before
        return replies

    def _reply(self, connection: Connection, until: float) -> Any:
        try:
            return connection.read_response(timeout=max(until - time.monotonic(), 0.001), disconnect_on_error=False)
        except ResponseError as error:
            return error
        except (Disconnected, TimedOut) as error:
            # LOADING and MASTERDOWN come as replies, though redis-py files them under lost connections.
            if isinstance(fault_of(error), NothingDone):
                return error
            raise

    def _distrust(self, connection: Connection) -> None:
        connection.disconnect()
        self._suspect_until = time.monotonic() + 1.0


def _fault(reply: RedisError, *, is_first: bool) -> Exception:
    fault = fault_of(reply)
    if is_first or isinstance(fault, ScriptMissing) or not isinstance(fault, NothingDone):
        return fault
    return Unclear(f"what was sent before may be done: {fault}")


def _is_usable(connection: Connection) -> bool:
    try:
        return not connection.can_read(timeout=0)
    except Disconnected:
        return False


class Nodes:
    """The servers, one `Node` per address, all called from the same one."""

    def __init__(self, source: str = "") -> None:
        self._source = source
        self._nodes: dict[Address, Node] = {}

    def __getitem__(self, address: Address) -> Node:
        node = self._nodes.get(address)
        return node or self._nodes.setdefault(address, Node(address, self._source))

    def close(self) -> None:
        """Closes every waiting connection."""
        for node in self._nodes.values():
            node.close()
