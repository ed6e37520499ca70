"""Connections to single servers. Nothing here is ever sent twice: who repeats, and when, is decided by the callers."""

import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
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
from exactly_once.wire import Command as Command
from exactly_once.wire import Wire

#: A server's refusal of one command. `Node.run` raises those that mean more as one of `exactly_once.errors`.
ErrorReply = ResponseError

CONNECT_TIMEOUT_S = 0.3
#: In which a server in good health replies to all that it was sent, in seconds. The slot of a thread that waits longer
#: is released: to release it for each wait would cost more than the wait.
PROMPT_REPLY_S = 0.01
#: How redis-py files replies of a server that is not ready, and the loss of a connection.
_LOST = (Disconnected, TimedOut)
#: For which a server that failed to answer is asked last, in seconds.
SUSPECT_S = 1.0


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
        self.target = address
        self._wire: socket.socket
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

    def wire(self) -> Wire:
        """The connection, connected, as its only user sends and reads on it from now on."""
        self.connect()  # type: ignore[no-untyped-call]
        return Wire(self, self._wire)

    def _connect(self) -> socket.socket:
        wire = socket.create_connection(self.target, CONNECT_TIMEOUT_S, source_address=self._source)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._wire = tls.connect(wire, self.host, self._authority) if self._authority else wire
        return self._wire


class Replies(list[Any]):
    """The replies to several commands; `last_reply_s` is how long the last one came after the one before it, in
    seconds, and `last_reply_at` when it came, on the clock of time.monotonic()."""

    def __init__(self, replies: Iterable[Any] = (), *, last_reply_s: float = 0.0, last_reply_at: float = 0.0) -> None:
        super().__init__(replies)
        self.last_reply_s = last_reply_s
        self.last_reply_at = last_reply_at


class Node:
    """One server, and its idle connections. `source` is the address to connect from; the system's choice where it is
    empty. `release_slot` is entered while replies are late, and while it connects. Without `credentials` nothing is
    authenticated."""

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
        self._idle: deque[Wire] = deque()
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
        return checked(self.replies(*commands, timeout=timeout))

    def load(self, source: str, timeout: float) -> None:
        """Have the server know the script of this source. Raises as `run`."""
        self.run(("SCRIPT", "LOAD", source), timeout=timeout)

    def replies(self, *commands: Command, timeout: float) -> Replies:
        """As `run`, with a RedisError in the place of a refused command instead of an exception.

        Raises:
            NotExecuted: no connection could be had.
            Indeterminate: the connection ended or time ran out after something was sent.
        """
        with self._observer.connection_busy():
            return self._exchange(commands, timeout)

    def _exchange(self, commands: Sequence[Command], timeout: float) -> Replies:
        until = time.monotonic() + timeout
        wire = self._connected()
        began = time.monotonic()
        if began >= until:
            self._idle.append(wire)
            raise NotExecuted(f"{self.address}: To connect took all the time.", timed_out=True)
        try:
            wire.send(commands, timeout)
            replies = self._replies(wire, len(commands), began, until)
        except (Disconnected, TimedOut, InvalidResponse) as error:
            # A peer that answers nonsense is no server of ours.
            self._distrust(wire)
            raise self._lost(error) from error
        except BaseException:
            wire.close()
            raise
        self._suspect_until = 0.0
        wire.rest()
        self._idle.append(wire)
        return replies

    def connection(self) -> Connection:
        """A new connection that the caller owns, not yet connected."""
        return self._connection()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _connected(self) -> Wire:
        while self._idle:
            try:
                wire = self._idle.pop()
            except IndexError:  # another thread took the last one
                break
            if wire.is_usable:
                return wire
            wire.close()
        return self._connect()

    def _connection(self) -> SourceConnection:
        return SourceConnection(self.address, self._source, self._credentials)

    def _connect(self) -> Wire:
        connection = self._connection()
        self._observer.connection_opened()
        try:
            # To a dead machine this takes all of CONNECT_TIMEOUT_S.
            with self._release_slot():
                return connection.wire()
        except (Disconnected, TimedOut, InvalidResponse) as error:
            connection.disconnect()  # type: ignore[no-untyped-call]
            self._suspect_until = time.monotonic() + SUSPECT_S
            reason = "maxclients" if closes_connection(error) else ""
            raise NotExecuted(f"{self.address}: {error}", reason, timed_out=isinstance(error, TimedOut)) from error

    def _replies(self, wire: Wire, number: int, began: float, until: float) -> Replies:
        replies = Replies(last_reply_at=began)
        try:
            _collect(wire, replies, number, until, PROMPT_REPLY_S)
        except TimedOut:
            with self._release_slot():
                _collect(wire, replies, number, until, until - began)
        return replies

    def _lost(self, error: RedisError) -> ServerError:
        if closes_connection(error):
            return NotExecuted(f"{self.address}: {error}", "maxclients")
        return Indeterminate(f"{self.address}: {error}", timed_out=isinstance(error, TimedOut))

    def _distrust(self, wire: Wire) -> None:
        wire.close()
        self._suspect_until = time.monotonic() + SUSPECT_S


def checked(replies: Replies) -> Replies:
    """The replies, where no command among them was refused. Raises as `Node.run`."""
    for place, reply in enumerate(replies):
        if isinstance(reply, RedisError):
            raise _error(reply, is_first=place == 0) from reply
    return replies


def _collect(wire: Wire, replies: Replies, number: int, until: float, max_wait_s: float) -> None:
    """Append the replies that are missing, in their order."""
    while len(replies) < number:
        reply = _reply(wire, until, max_wait_s)
        now = time.monotonic()
        replies.append(reply)
        replies.last_reply_s, replies.last_reply_at = now - replies.last_reply_at, now


def _reply(wire: Wire, until: float, max_wait_s: float) -> Any:
    reply = wire.reply(until, max_wait_s)
    # LOADING and MASTERDOWN come as replies, though redis-py files them under lost connections.
    if isinstance(reply, _LOST) and (closes_connection(reply) or not isinstance(translate(reply), NotExecuted)):
        raise reply
    return reply


def _error(reply: RedisError, *, is_first: bool) -> Exception:
    error = translate(reply)
    if is_first or isinstance(error, ScriptMissing) or not isinstance(error, NotExecuted):
        return error
    return Indeterminate(f"an earlier command of the same batch may have been executed: {error}")


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
