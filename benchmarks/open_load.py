"""Load that comes when it is due, whether or not earlier requests were answered; by one thread, at little cost.

Requests are written beforehand. Each takes a connection that is free, or a new one. With a rate of 0 each connection
sends its next request when it has its answer: closed load, to find out what can be answered at most.
"""

import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

#: Seconds after the last request in which answers still count.
GRACE_S = 5.0
#: Connections at most: nginx has twice as many open, and may have 4,096 in each of its workers.
MAX_CONNECTIONS = 3000
MAX_RECEIVED_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Answered:
    """A request: when it was due, when it was sent, and when its answer was there, in seconds of the load; the status,
    0 without one."""

    due: float
    sent: float
    ended: float
    status: int

    @property
    def seconds(self) -> float:
        """How long its sender waited."""
        return self.ended - self.due


@dataclass(eq=False, slots=True)
class _Client:
    connection: socket.socket
    due: float = 0.0
    sent: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def is_complete(self) -> bool:
        """Whether the whole answer was received."""
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        _, _, rest = self.received[:end].lower().partition(b"\r\ncontent-length:")
        return len(self.received) >= end + 4 + int(rest.partition(b"\r\n")[0] or 0)


def http(method: str, path: str, body: bytes = b"", token: str = "") -> bytes:
    """The request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Accept: application/json"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class OpenLoad:
    """So many requests a second to a server on this machine."""

    def __init__(self, port: int, requests: Iterator[bytes], rate: float, connections: int = MAX_CONNECTIONS) -> None:
        self._port, self._requests, self._connections = port, requests, connections
        self._pause = 1 / rate if rate else 0.0
        self._epoll = select.epoll()
        self._clients: dict[int, _Client] = {}
        self._free: list[_Client] = []
        self._answered: list[Answered] = []
        self._due = 0.0

    def run(self, seconds: float, onset_s: float, on_onset: Callable[[], None]) -> list[Answered]:
        """Send for so long after `onset_s`, when `on_onset` is called; every request that was due from then on, with
        its answer, in the order of the answers."""
        self._began_at = time.monotonic()
        self._send_until(onset_s)
        on_onset()
        self._send_until(onset_s + seconds)
        self._receive_the_rest()
        return [each for each in self._answered if each.due >= onset_s]

    def _send_until(self, end: float) -> None:
        while (now := self._now()) < end:
            self._send_due(now)
            wait = max(self._due - self._now(), 0) if self._pause else 0.1
            self._receive(min(wait, 0.1))

    def _receive_the_rest(self) -> None:
        end = self._now() + GRACE_S
        while len(self._free) < len(self._clients) and self._now() < end:
            self._receive(0.1)
        waiting = [client for client in self._clients.values() if client not in self._free]
        self._answered += [self._ended(client, 0) for client in waiting]
        for client in self._clients.values():
            client.connection.close()
        self._epoll.close()

    def _now(self) -> float:
        return time.monotonic() - self._began_at

    def _send_due(self, now: float) -> None:
        while self._due <= now:
            if not self._pause and not self._free and len(self._clients) >= self._connections:
                return
            self._send(self._due if self._pause else now)
            self._due += self._pause

    def _send(self, due: float) -> None:
        if not self._free and len(self._clients) >= self._connections:
            # No connection is left to ask with: it is not sent.
            self._answered.append(Answered(due, due, due, 0))
            return
        client = self._free.pop() if self._free else self._connect()
        client.due, client.sent = due, self._now()
        try:
            client.connection.sendall(next(self._requests))
        except OSError:
            self._lose(client)

    def _connect(self) -> _Client:
        client = _Client(socket.create_connection(("127.0.0.1", self._port), timeout=GRACE_S))
        client.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients[client.connection.fileno()] = client
        self._epoll.register(client.connection, select.EPOLLIN)
        return client

    def _receive(self, timeout_s: float) -> None:
        for number, _ in self._epoll.poll(timeout_s, self._connections):
            client = self._clients[number]
            try:
                received = client.connection.recv(MAX_RECEIVED_BYTES)
            except OSError:
                received = b""
            client.received += received
            if not received:
                self._lose(client)
            elif client.is_complete():
                self._answered.append(self._ended(client, int(client.received[9:12])))
                client.received.clear()
                self._free.append(client)

    def _ended(self, client: _Client, status: int) -> Answered:
        return Answered(client.due, client.sent, self._now(), status)

    def _lose(self, client: _Client) -> None:
        if client in self._free:
            self._free.remove(client)
        else:
            self._answered.append(self._ended(client, 0))
        del self._clients[client.connection.fileno()]
        client.connection.close()
