"""The events that Sentinels publish: a new primary, and which server went down or came back."""

import threading
from collections.abc import Callable, Sequence

from redis.connection import Connection
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TimedOut

from exactly_once.client import Address, Nodes

CHANNELS = ("+switch-master", "+sdown", "-sdown")
#: Silence after which a Sentinel is sent a PING, and after as much again disconnected, in seconds.
KEEPALIVE_S = 2.0
#: Pause before a Sentinel that does not answer is connected to again, in seconds.
RECONNECT_S = 1.0


class SentinelEvents:
    """Subscribes to every Sentinel, one thread each, and calls `on_event` at each event. What the event says is not
    passed on: no Sentinel is believed alone, so all of them are asked then."""

    def __init__(self, addresses: Sequence[Address], nodes: Nodes, on_event: Callable[[], None]) -> None:
        self._nodes = nodes
        self._on_event = on_event
        self._stop = threading.Event()
        self._connections: dict[Address, Connection] = {}
        self._threads = [
            threading.Thread(target=self._subscribe_to, args=(address,), name=f"events of {address}", daemon=True)
            for address in addresses
        ]

    def start(self) -> None:
        """Begin to listen."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        for connection in tuple(self._connections.values()):
            connection.disconnect()

    def _subscribe_to(self, address: Address) -> None:
        while not self._stop.is_set():
            connection = self._connections[address] = self._nodes[address].connection()
            try:
                self._listen(connection)
            except (RedisError, OSError, ValueError):
                # ValueError: `close` took the socket away in the middle of a read.
                connection.disconnect()
                self._stop.wait(RECONNECT_S)

    def _listen(self, connection: Connection) -> None:
        connection.connect()
        connection.send_command("SUBSCRIBE", *CHANNELS, check_health=False)
        is_asked = False
        while not self._stop.is_set():
            try:
                message = connection.read_response(timeout=KEEPALIVE_S, disconnect_on_error=False)
            except TimedOut:
                if is_asked:
                    raise Disconnected("no sign of life") from None
                connection.send_command("PING", check_health=False)
                is_asked = True
            else:
                is_asked = False
                if message[0] == "message":
                    self._on_event()
