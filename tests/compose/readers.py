"""Readers of the catalogue through nginx, on connections that stay open, who write down how long each answer took."""

import http.client
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

TIMEOUT_S = 30.0


@dataclass(kw_only=True)
class Readers:
    """So many readers at once, each of whom asks again when the answer is there and `pause_s` are over. `samples` are
    pairs of when an answer came, on time.monotonic(), and after how many seconds. `reconnects` counts connections that
    nginx closed between two requests."""

    url: str
    path: str
    count: int
    pause_s: float = 0.0
    samples: list[tuple[float, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    reconnects: int = 0

    def __enter__(self) -> "Readers":
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._read) for _ in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def quantile_s(self, share: float, since: float, until: float) -> float:
        """The time within which this share of the answers came, of those that came between the two, in seconds."""
        seconds = sorted(taken for at, taken in self.samples if since <= at < until)
        return seconds[int(len(seconds) * share)]

    def _read(self) -> None:
        address = urlsplit(self.url).netloc
        connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
        while not self._stop.wait(self.pause_s):
            start = time.monotonic()
            try:
                status, body = self._ask(connection)
                if status != http.client.OK:
                    self.failures.append(f"{status} {body[:200]!r}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            end = time.monotonic()
            self.samples.append((end, end - start))
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> tuple[int, bytes]:
        """Return status and body. A connection that was open already may be closed by nginx, which reloads, at the
        moment of the next request: that is repeated once on another one, as clients of HTTP do (RFC 9112, 9.3.1)."""
        was_open = connection.sock is not None
        try:
            connection.request("GET", self.path)
            answer = connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            if not was_open:
                raise
            connection.close()
            self.reconnects += 1
            connection.request("GET", self.path)
            answer = connection.getresponse()
        return answer.status, answer.read()
