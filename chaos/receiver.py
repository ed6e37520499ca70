"""A receiver of the shop's webhooks, on this machine: it takes every one, and remembers its id."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chaos.ledger_checks import DELIVERED
from chaos.stage import write_request
from shop.bootstrap import Configuration, Container
from shop.services.webhooks import endpoint_create

HOST = "127.0.0.1"
POLL_S = 0.1


@dataclass
class Receiver:
    """Has the ids of the events that were delivered to the URL."""

    url: str
    _ids: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ids(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._ids)

    def add(self, id: str) -> None:
        with self._lock:
            self._ids.add(id)

    def subscribe(self, configuration: Configuration) -> None:
        """Have the events of this shop delivered here, from now on. Raises StoreUnavailable."""
        with closing(Container(configuration)) as container:
            endpoint_create(
                shop=container.shop,
                request=write_request(),
                url=self.url,
                description="",
                types=[DELIVERED],
                is_enabled=True,
            )


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            receiver.add(self.headers["webhook-id"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """The history says what was delivered."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        receiver = Receiver(url=f"http://{HOST}:{server.server_port}/")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_S}, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
