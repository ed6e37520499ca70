"""A receiver of webhooks on this machine: it answers what a test tells it to, and has what it got."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.61.0.1"


@dataclass
class Receiver:
    """`answer` gets the number of a request, from 1, and returns the status of its answer."""

    answer: Callable[[int], int] = lambda number: 204
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    host: str = HOST
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/hooks?shop=1"

    @property
    def ids(self) -> list[str]:
        """The webhook-id of each request."""
        with self.lock:
            return [headers["webhook-id"] for headers, _ in self.received]


@contextmanager
def receiving(answer: Callable[[int], int] = lambda number: 204, host: str = HOST) -> Iterator[Receiver]:
    receiver = Receiver(answer=answer, host=host)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with receiver.lock:
                receiver.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                number = len(receiver.received)
            self.send_response(receiver.answer(number))
            self.send_header("Location", "http://127.61.0.2/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format, *args):
            return

    server = ThreadingHTTPServer((host, 0), Handler)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
