"""Connections to single servers. Nothing here is ever sent twice: who repeats, and when, is decided by the callers."""

import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any, NamedTuple

from redis.backoff import NoBackoff
from redis.connection import Connection
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import InvalidResponse, RedisError, ResponseError
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry

from exactly_once import tls
from exactly_once.credentials import Credentials
from exactly_once.errors import Indeterminate, NotExecuted, ScriptMissing, ServerError
from exactly_once.observer import Observer, SilentObserver
from exactly_once.server_errors import closes_connection, translate

Command = Sequence[str | int | float | bytes]

#: A server's refusal of one command. `Node.run` raises those that mean more as one of `exactly_once.errors`.
ErrorReply = ResponseError

CONNECT_TIMEOUT_S = 0.3
#: In which a server in good health replies, in seconds.
PROMPT_REPLY_S = 0.01


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> "Address":
        """The address that is written `host:port`. Raises ValueError where it is not."""
        host, _, port = text.rpartition(":")
        return cls(host, int(port))

    @classmethod
    def parse_all(cls, text: str) -> "tuple[Address, ...]":
        """The addresses that are written `host:port,host:port`. Raises ValueError where they are not."""
        return tuple(cls.parse(part.strip()) for part in text.split(","))


class SourceConnection(Connection):
    """A connection with a chosen source address, where one is named: redis-py has no option for that. It authenticates
    before anything else, where there are credentials, and is encrypted where these name an authority."""

    def __init__(self, address: Address, source: str, credentials: Credentials | None = None) -> None:
        self._source = (source, 0) if source else None
        self._authority = credentials.authority if credentials else None
        super().__init__(  # type: ignore[no-untyped-call]
            host=address.host,
            port=address.port,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            protocol=2,
            driver_info=None,
            credential_provider=credentials,
        )

    def _connect(self) -> socket.socket:
        wire = socket.create_connection((self.host, self.port), CONNECT_TIMEOUT_S, source_address=self._source)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return tls.connect(wire, self.host, self._authority) if self._authority else wire


class Replies(list[Any]):
    """The replies to several commands; `last_reply_s` is how long the last one came after the one before it, in
    seconds."""

    last_reply_s = 0.0


class Node:
    """One server, and its idle connections. `source` is the address to connect from; the system's choice where it is
    empty. `release_slot` is entered while a reply is late. Without `credentials` nothing is authenticated."""

    def __init__(
        self,
        address: Address,
        source: str = "",
        observer: Observer | None = None,
        release_slot: Callable[[], AbstractContextManager[None]] = nullcontext,
        credentials: Credentials | None = None,
    ) -> None:
        self.address = address
        self._credentials = credentials
        self._release_slot = release_slot
        self._source = source
        self._observer: Observer = observer or SilentObserver()
        self._idle: deque[Connection] = deque()
        self._suspect_until = 0.0

    @property
    def is_suspect(self) -> bool:
        """Whether it failed to answer within the last second, so that asking it first would cost a timeout."""
        return time.monotonic() < self._suspect_until

    def run(self, *commands: Command, timeout: float) -> Replies:
        """The replies in their order, of commands sent at once on one connection; `timeout` in seconds is for all.

        Raises:
            NotExecuted: no connection could be had, or the server refused before it did anything.
            Indeterminate: the connection ended or time ran out after something was sent.
            ResponseError: a command is wrong.
        """
        replies = self.replies(*commands, timeout=timeout)
        for place, reply in enumerate(replies):
            if isinstance(reply, RedisError):
                raise _error(reply, is_first=place == 0) from reply
        return replies

    def replies(self, *commands: Command, timeout: float) -> Replies:
        """As `run`, with a RedisError in the place of a refused command instead of an exception.

        Raises:
            NotExecuted: no connection could be had.
            Indeterminate: the connection ended or time ran out after something was sent.
        """
        with self._observer.connection_busy():
            return self._exchange(commands, timeout)

    def _exchange(self, commands: Sequence[Command], timeout: float) -> Replies:
        connection = self._connected()
        until = time.monotonic() + timeout
        try:
            connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            replies = self._replies(connection, len(commands), until)
        except (Disconnected, TimedOut, InvalidResponse) as error:
            # A peer that answers nonsense is no server of ours.
            self._distrust(connection)
            raise self._lost(error) from error
        except BaseException:
            connection.disconnect()
            raise
        self._suspect_until = 0.0
        self._idle.append(connection)
        return replies

    def connection(self) -> Connection:
        """A new connection that the caller owns, not yet connected."""
        return SourceConnection(self.address, self._source, self._credentials)

    def close(self) -> None:
        """Close the idle connections."""
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
        connection = self.connection()
        self._observer.connection_opened()
        try:
            connection.connect()
        except (Disconnected, TimedOut, InvalidResponse) as error:
            self._distrust(connection)
            reason = "maxclients" if closes_connection(error) else ""
            raise NotExecuted(f"{self.address}: {error}", reason, timed_out=isinstance(error, TimedOut)) from error
        return connection

    def _replies(self, connection: Connection, number: int, until: float) -> Replies:
        before = time.monotonic()
        replies = Replies([self._first_reply(connection, before, until)])
        for _ in range(number - 1):
            before = time.monotonic()
            replies.append(self._reply(connection, until))
        replies.last_reply_s = time.monotonic() - before
        return replies

    def _first_reply(self, connection: Connection, now: float, until: float) -> Any:
        try:
            return self._reply(connection, min(now + PROMPT_REPLY_S, until))
        except TimedOut:
            with self._release_slot():
                return self._reply(connection, until)

    def _reply(self, connection: Connection, until: float) -> Any:
        try:
            return connection.read_response(timeout=max(until - time.monotonic(), 0.001), disconnect_on_error=False)
        except ResponseError as error:
            return error
        except (Disconnected, TimedOut) as error:
            # LOADING and MASTERDOWN come as replies, though redis-py files them under lost connections.
            if isinstance(translate(error), NotExecuted) and not closes_connection(error):
                return error
            raise

    def _lost(self, error: RedisError) -> ServerError:
        if closes_connection(error):
            return NotExecuted(f"{self.address}: {error}", "maxclients")
        return Indeterminate(f"{self.address}: {error}", timed_out=isinstance(error, TimedOut))

    def _distrust(self, connection: Connection) -> None:
        connection.disconnect()
        self._suspect_until = time.monotonic() + 1.0


def _error(reply: RedisError, *, is_first: bool) -> Exception:
    error = translate(reply)
    if is_first or isinstance(error, ScriptMissing) or not isinstance(error, NotExecuted):
        return error
    return Indeterminate(f"an earlier command of the same batch may have been executed: {error}")


def _is_usable(connection: Connection) -> bool:
    try:
        return not connection.can_read(timeout=0)
    except Disconnected:
        return False


def run_once(
    address: Address,
    *commands: Command,
    timeout: float = CONNECT_TIMEOUT_S,
    source: str = "",
    credentials: Credentials | None = None,
) -> Replies:
    """As `Node.run`, over a connection that is closed afterwards."""
    with closing(Node(address, source, credentials=credentials)) as node:
        return node.run(*commands, timeout=timeout)


class Nodes:
    """The servers, one `Node` per address, all called from the same source address and as the same user."""

    def __init__(
        self,
        source: str = "",
        observer: Observer | None = None,
        release_slot: Callable[[], AbstractContextManager[None]] = nullcontext,
        credentials: Credentials | None = None,
    ) -> None:
        self._source = source
        self._observer = observer
        self._release_slot = release_slot
        self.credentials = credentials
        self._nodes: dict[Address, Node] = {}

    def __getitem__(self, address: Address) -> Node:
        node = self._nodes.get(address)
        return node or self._nodes.setdefault(address, self._node(address))

    def close(self) -> None:
        """Close every idle connection."""
        for node in self._nodes.values():
            node.close()

    def _node(self, address: Address) -> Node:
        return Node(address, self._source, self._observer, self._release_slot, self.credentials)
