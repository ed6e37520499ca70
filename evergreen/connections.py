"""Connections of an API instance: one recv or send where the other end keeps up, and a wait where it does not."""

import fcntl
import select
import socket
import ssl
import struct
import termios
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

#: Seconds that a client may take to send, or to take, the next bytes.
IO_TIMEOUT_S = 10.0
#: Seconds that a client may take to send a whole request.
REQUEST_TIMEOUT_S = 30.0
#: Seconds from the beginning of a request in which its answer must be taken: more than an export may take.
ANSWER_TIMEOUT_S = 960.0
#: Bytes that are received at once: more than nginx sends as the head of most requests, and less than two of them.
MAX_RECEIVED_BYTES = 16384
#: Unread bytes that are thrown away before a connection is closed: what is left unread resets it, and the other end
#: might not get the answer.
MAX_DRAINED_BYTES = 65536
_LATER_READ = (BlockingIOError, ssl.SSLWantReadError)
_LATER_WRITE = (BlockingIOError, ssl.SSLWantWriteError)
_CLOSED = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class AnswerCutOff(TimeoutError):
    """The client took an answer too slowly: the rest of it is not sent."""


class Connection:
    """A client's connection, for gunicorn's parser and for answers. `blocking` is entered around each wait."""

    def __init__(
        self, client: socket.socket, address: Any, server: Any, blocking: Callable[[], AbstractContextManager[None]]
    ) -> None:
        # Without a timeout of the socket's own, a recv is one system call.
        client.setblocking(False)
        self.socket, self.address, self.server = client, address, server
        self.parser: Any = None
        #: When it became idle, on the clock of time.monotonic().
        self.idle_since = time.monotonic()
        self._needs_handshake = isinstance(client, ssl.SSLSocket)
        self._blocking = blocking
        self._received = b""
        self._deadline = self._answer_deadline = 0.0

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self.socket.fileno()

    def gettimeout(self) -> float:
        """Return that the socket never blocks, for gunicorn."""
        return 0.0

    @property
    def has_unread(self) -> bool:
        """Whether bytes of a next request are here already, which no poll reports."""
        return bool(self.parser.unreader.buf.getvalue()) or (
            isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0
        )

    @property
    def is_closed_by_client(self) -> bool:
        """Whether the other end has closed."""
        poll = select.poll()
        poll.register(self.socket, _CLOSED)
        return bool(poll.poll(0))

    def begin(self) -> None:
        """Begin to read a request: the time for it and for its answer counts from here."""
        now = time.monotonic()
        self._deadline, self._answer_deadline = now + REQUEST_TIMEOUT_S, now + ANSWER_TIMEOUT_S

    def limit_reading(self, seconds: float) -> None:
        """Read for so many seconds more at most."""
        self._deadline = time.monotonic() + seconds

    def receive(self) -> bytes | None:
        """Receive what has arrived, which `recv` returns again; b"" at the end, None where there is nothing yet."""
        try:
            self._received = self.socket.recv(MAX_RECEIVED_BYTES)
        except _LATER_READ:
            return None
        return self._received

    def discard(self) -> None:
        """Drop what was received last: it is dealt with."""
        self._received = b""

    def recv(self, size: int) -> bytes:
        """Return the next bytes; none at the end.

        Raises:
            TimeoutError: there were none for IO_TIMEOUT_S, or the request took longer than REQUEST_TIMEOUT_S.
        """
        received, self._received = self._received, b""
        while not received:
            try:
                return self.socket.recv(size)
            except _LATER_READ:
                self._wait(select.POLLIN)
        return received

    def sendall(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            AnswerCutOff: the client took nothing for IO_TIMEOUT_S, or not all of it within ANSWER_TIMEOUT_S.
        """
        view, sent = memoryview(data), 0
        while sent < len(data):
            try:
                sent += self.socket.send(view[sent:])
            except _LATER_WRITE:
                self._wait_to_send()

    def shake_hands(self) -> None:
        """Make the TLS connection, where it is one and not made yet.

        Raises:
            OSError: the client is none that is answered, or is too slow: the time is that of the request.
        """
        while self._needs_handshake and isinstance(self.socket, ssl.SSLSocket):
            try:
                self.socket.do_handshake()
                self._needs_handshake = False
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT)

    def close(self) -> None:
        """Close it. The other end gets all that was sent."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            drained = 0
            while drained < MAX_DRAINED_BYTES and (data := self.socket.recv(MAX_RECEIVED_BYTES)):
                drained += len(data)
        self.socket.close()

    def _wait(self, event: int) -> None:
        poll, seconds = select.poll(), min(IO_TIMEOUT_S, self._deadline - time.monotonic())
        poll.register(self.socket, event)
        with self._blocking():
            if seconds <= 0 or not poll.poll(seconds * 1000):
                raise TimeoutError("The client neither sends nor takes anything.")

    def _wait_to_send(self) -> None:
        poll = select.poll()
        poll.register(self.socket, select.POLLOUT)
        with self._blocking():
            while (seconds := min(IO_TIMEOUT_S, self._answer_deadline - time.monotonic())) > 0:
                queued = self._queued_bytes()
                if poll.poll(seconds * 1000):
                    return
                # Linux reports room only once a third of the buffer, which grows to megabytes, is free.
                if self._queued_bytes() >= queued:
                    raise AnswerCutOff(f"The client has taken nothing for {seconds:.0f} s.")
        raise AnswerCutOff(f"The client has not taken an answer within {ANSWER_TIMEOUT_S:.0f} s.")

    def _queued_bytes(self) -> int:
        """How many bytes the system holds that the other end has not taken."""
        queued: int = struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, b"\0" * 4))[0]
        return queued
