"""gunicorn's threaded worker, which sends the head of a response together with the beginning of its body, and a problem
where gunicorn has a page of HTML.

gunicorn sends the head first. If the instance dies between the two, nginx has the beginning of a response, cannot try
the other instance any more, and the client waits for a body that does not come. It also saves a system call.
"""

import socket
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from evergreen.gunicorn_problems import ProblemInstead


class BufferedHead:
    """A socket that holds the first data back, and sends it with the second, with a file, or on `flush`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        #: None after it was sent.
        self._head: bytes | None = b""

    def sendall(self, data: bytes) -> None:
        """Send as a socket does, the first data excepted."""
        if self._head == b"":
            self._head = data
        else:
            head, self._head = self._head or b"", None
            self._connection.sendall(head + data)

    def sendfile(self, *arguments: Any, **options: Any) -> int:
        """Send a file as a socket does, after the head."""
        self.flush()
        return self._connection.sendfile(*arguments, **options)

    def flush(self) -> None:
        """Send the head, if it is still held back."""
        head, self._head = self._head, None
        if head:
            self._connection.sendall(head)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class Worker(ThreadWorker):
    """gunicorn's threaded worker with a BufferedHead for each response, and problems for errors of its own."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that could not be read or served. The client gets no HTML and none of the error's text."""
        connection: Any = ProblemInstead(client)
        super().handle_error(req, connection, addr, exc)

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Serve a request. Returns whether the connection stays open."""
        connection, conn.sock = conn.sock, BufferedHead(conn.sock)
        try:
            stays_open: bool = super().handle_request(req, conn)
            conn.sock.flush()
        finally:
            conn.sock = connection
        return stays_open
