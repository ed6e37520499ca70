"""What the Sentinels announce by themselves: a new primary, and who went down or came back."""

import threading
from collections.abc import Callable, Sequence

from redis.connection import Connection
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TimedOut

from exactly_once.client import Address, Nodes

CHANNELS = ("+switch-master", "+sdown", "-sdown")
#: Seconds of silence after which a Sentinel is asked for a sign of life, and then given up.
SILENCE = 2.0
#: Seconds until one that does not answer is called again.
PAUSE = 1.0


class Announcements:
    """Listens to every Sentinel, one thread each, and calls `heard` at each announcement. It says nothing about what
    was announced: no Sentinel is believed alone, so all of them are asked then."""

    def __init__(self, addresses: Sequence[Address], nodes: Nodes, heard: Callable[[], None]) -> None:
        self._nodes = nodes
        self._heard = heard
        self._stop = threading.Event()
        self._wires: dict[Address, Connection] = {}
        self._threads = [
            threading.Thread(target=self._listen_on, args=(address,), name=f"announcements of {address}", daemon=True)
            for address in addresses
        ]

    def start(self) -> None:
        """Begins to listen."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stops listening."""
        self._stop.set()
        for wire in tuple(self._wires.values()):
            wire.disconnect()

    def _listen_on(self, address: Address) -> None:
        while not self._stop.is_set():
            wire = self._wires[address] = self._nodes[address].wire()
            try:
                self._listen(wire)
            except (RedisError, OSError, ValueError):
                # ValueError: `close` took the socket away in the middle of a read.
                wire.disconnect()
                self._stop.wait(PAUSE)

    def _listen(self, wire: Connection) -> None:
        wire.connect()
        wire.send_command("SUBSCRIBE", *CHANNELS, check_health=False)
        is_asked = False
        while not self._stop.is_set():
            try:
                said = wire.read_response(timeout=SILENCE, disconnect_on_error=False)
            except TimedOut:
                if is_asked:
                    raise Disconnected("no sign of life") from None
                wire.send_command("PING", check_health=False)
                is_asked = True
            else:
                is_asked = False
                if said[0] == "message":
                    self._heard()
