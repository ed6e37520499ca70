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
    pairs of when an answer came, on time.monotonic(), and after how many seconds."""

    url: str
    path: str
    count: int
    pause_s: float = 0.0
    samples: list[tuple[float, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

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
                connection.request("GET", self.path)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != http.client.OK:
                    self.failures.append(f"{answer.status} {body[:200]!r}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            end = time.monotonic()
            self.samples.append((end, end - start))
        connection.close()
