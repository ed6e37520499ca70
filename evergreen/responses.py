"""What a WSGI application answers, as bytes on a connection."""

import time
from collections.abc import Callable, Iterable, Sequence
from email.utils import formatdate
from itertools import chain
from typing import Any, Protocol

#: Answers without a body (RFC 9110, 6.4.1).
_BODILESS = ("1", "204", "304")
#: Headers of the connection, and the date, which the server sends itself.
_OF_CONNECTION = frozenset({"connection", "date", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"})


class _Dates:
    """The date of an answer (RFC 9110, 6.6.1), which is written once a second."""

    def __init__(self) -> None:
        self._written: tuple[int, str] = (0, "")

    def now(self) -> str:
        """Return the present date, in GMT."""
        now = int(time.time())
        second, text = self._written
        if second != now:
            text = formatdate(now, usegmt=True)
            self._written = (now, text)
        return text


_dates = _Dates()


class Sink(Protocol):
    """Where bytes go."""

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        ...


class Response:
    """One answer to one request. Its head is sent with the first piece of its body: if the instance dies between the
    two, nginx has the beginning of an answer and cannot try another instance any more."""

    def __init__(self, sink: Sink, request: Any, may_stay_open: Callable[[], bool]) -> None:
        self._sink = sink
        self._is_head_request = request.method == "HEAD"
        self._is_chunkable = request.version >= (1, 1)
        #: Whether another request may follow on the connection.
        self.keeps_alive = not request.should_close()
        #: Whether a part of it was sent.
        self.has_begun = False
        self._may_stay_open = may_stay_open
        self._status = ""
        self._headers: Sequence[tuple[str, str]] = ()
        #: What the application writes itself, which PEP 3333 wants sent before what it returns.
        self._written: list[bytes] = []

    def start(self, status: str, headers: Iterable[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        """Take status and headers, as WSGI has it (PEP 3333)."""
        if self.has_begun:
            raise exc_info[1] if exc_info else AssertionError("The head of this response was sent already.")
        self._status, self._headers = status, tuple(headers)
        return self._written.append

    def send(self, body: Iterable[bytes]) -> None:
        """Send head and body, and close the body."""
        try:
            self._send(body)
        finally:
            if hasattr(body, "close"):
                body.close()

    def _send(self, body: Iterable[bytes]) -> None:
        pieces = iter(body)
        # An application may begin its response when its first piece is asked for.
        first = next(pieces, b"")
        has_no_body = self._is_head_request or self._status.startswith(_BODILESS)
        is_framed = has_no_body or any(name.lower() == "content-length" for name, _ in self._headers)
        is_chunked = not is_framed and self._is_chunkable
        self.keeps_alive = self.keeps_alive and (is_framed or is_chunked) and self._may_stay_open()
        pending = self._head(is_chunked)
        for piece in chain(self._written, (first,), pieces):
            if not piece or has_no_body:
                continue
            pending += b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece
            self._emit(pending)
            pending = b""
        if is_chunked:
            pending += b"0\r\n\r\n"
        if pending:
            self._emit(pending)

    def _emit(self, data: bytes) -> None:
        self.has_begun = True
        self._sink.sendall(data)

    def _head(self, is_chunked: bool) -> bytes:
        if not self._status:
            raise RuntimeError("The application has not begun its response.")
        lines = [f"HTTP/1.1 {self._status}", f"Connection: {'keep-alive' if self.keeps_alive else 'close'}"]
        if is_chunked:
            lines.append("Transfer-Encoding: chunked")
        lines += [f"{name}: {value}" for name, value in self._headers if name.lower() not in _OF_CONNECTION]
        lines.append(f"Date: {_dates.now()}")
        text = "\r\n".join([*lines, "", ""])
        if text.count("\n") != len(lines) + 1 or text.count("\r") != len(lines) + 1:
            raise ValueError("A header of the response has a line break.")
        return text.encode("latin-1")
