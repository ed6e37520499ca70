"""gunicorn's worker with threads, which here sends the head of an answer together with what is in it.

gunicorn sends the head first. An instance that dies between the two leaves nginx with the beginning of an answer: it
cannot ask the other instance any more, and the client gets a promise of bytes that do not come. It is a call less, too.
"""

import socket
from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class Joined:
    """A connection that keeps the first thing that is sent until there is a second one, or no more comes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._kept: bytes | None = b""

    def sendall(self, data: bytes) -> None:
        """As a socket's."""
        if self._kept == b"":
            self._kept = data
        else:
            kept, self._kept = self._kept or b"", None
            self._connection.sendall(kept + data)

    def sendfile(self, *arguments: Any, **named: Any) -> int:
        """As a socket's."""
        self.flush()
        return self._connection.sendfile(*arguments, **named)

    def flush(self) -> None:
        """Sends what is kept."""
        kept, self._kept = self._kept, None
        if kept:
            self._connection.sendall(kept)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class Worker(ThreadWorker):
    """Answers requests in threads."""

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Whether the connection is kept, as gunicorn's own says."""
        connection, conn.sock = conn.sock, Joined(conn.sock)
        try:
            is_kept: bool = super().handle_request(req, conn)
            conn.sock.flush()
        finally:
            conn.sock = connection
        return is_kept
