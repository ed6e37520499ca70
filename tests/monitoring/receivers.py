"""Whom Alertmanager tells: somebody with a mail server, and somebody who expects calls."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Mailbox:
    """Takes every mail. `server` is where it listens."""

    def __init__(self) -> None:
        self.server = ""
        self.subjects: list[str] = []
        self.texts: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Called by the mail server for each mail."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.subjects.append(mail["Subject"])
        self.texts.append(mail.get_body().get_content())
        return "250 Message accepted for delivery"

    def has(self, *words: str) -> bool:
        """Whether there is a mail with all these words in its subject."""
        return any(all(word in subject for word in words) for subject in self.subjects)


class Telephone(HTTPServer):
    """Takes calls. `rang` is set by the first one."""

    def __init__(self) -> None:
        self.rang = threading.Event()
        super().__init__(("127.0.0.1", 0), Call)


class Call(BaseHTTPRequestHandler):
    """One call."""

    def do_POST(self) -> None:
        """Called by the HTTP server."""
        self.server.rang.set()  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def telephone() -> Iterator[Telephone]:
    """Somebody who takes calls for as long as the block runs."""
    with Telephone() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
