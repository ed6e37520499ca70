"""Load at a rate: connections that send when it is due, and count how late each answer is from then on."""

import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count

from benchmarks.load import TIMEOUT_S, ConnectionEnded, exchange

#: After so many requests a client closes its connection and opens another, as clients come and go.
REQUESTS_A_CONNECTION = 100


@dataclass(kw_only=True, slots=True)
class Interval:
    """What was answered in one interval: the seconds of each answer from when it was due, and how many failed."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0


class PacedLoad:
    """Sends requests to a port of this machine at a rate, over so many connections, until it is stopped."""

    def __init__(self, port: int, requests: Sequence[bytes], connections: int, rate: float) -> None:
        self._port = port
        self._requests = requests
        self._pause_s = connections / rate
        self._pool = ThreadPoolExecutor(connections)
        self._connections = connections
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._interval = Interval()
        self._running: list[Future[None]] = []

    def start(self) -> None:
        """Begin to send, each connection a little after the one before."""
        began = time.monotonic()
        for place in range(self._connections):
            due = began + place * self._pause_s / self._connections
            self._running.append(self._pool.submit(self._run, place, due))

    def stop(self) -> None:
        """Stop, and return when the last answers are there."""
        self._stopped.set()
        self._pool.shutdown()
        for each in self._running:
            each.result()

    def take(self) -> Interval:
        """What was answered since it was taken last."""
        with self._lock:
            taken, self._interval = self._interval, Interval()
        return taken

    def _run(self, place: int, due: float) -> None:
        numbers = count(place, self._connections)
        while not self._stopped.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=TIMEOUT_S) as connection:
                    due = self._over(connection, numbers, due)
            except (OSError, ConnectionEnded):
                due += self._pause_s
                self._note(None)

    def _over(self, connection: socket.socket, numbers: "count[int]", due: float) -> float:
        for _ in range(REQUESTS_A_CONNECTION):
            if self._stopped.wait(max(due - time.monotonic(), 0)):
                break
            status, _ = exchange(connection, self._requests[next(numbers) % len(self._requests)])
            self._note(time.monotonic() - due if 200 <= status < 300 else None)
            due += self._pause_s
        return due

    def _note(self, seconds: float | None) -> None:
        with self._lock:
            if seconds is None:
                self._interval.failed += 1
            else:
                self._interval.seconds.append(seconds)
