"""Log lines that never raise and never block: a bounded queue, and a thread that writes it to a file descriptor.

Standard error may be a pipe that no process reads, a full pipe or a file on a full disk. None of that may decide a
request or a failover, so a line that cannot be written is dropped and counted. Launchers use this module before they
become servers, so it loads nothing but the standard library.
"""

import atexit
import contextlib
import io
import json
import os
import select
import threading
import time
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from queue import SimpleQueue

MAX_QUEUED_LINES = 8192
MAX_QUEUED_BYTES = 8 * 2**20
FLUSH_TIMEOUT_S = 1.0
#: Between two attempts at a full pipe that is in non-blocking mode.
PIPE_WAIT_MS = 1000
POLL_S = 0.002


class LogWriter:
    """Writes lines to a descriptor, in their order, from a thread of its own.

    Safe to use from any thread and in signal handlers. After a fork the child starts with an empty queue and, at its
    first line, a thread of its own. `on_drop` is called with the number of lines dropped."""

    def __init__(
        self,
        descriptor: int,
        *,
        max_lines: int = MAX_QUEUED_LINES,
        max_bytes: int = MAX_QUEUED_BYTES,
        on_drop: Callable[[int], None] = lambda _: None,
    ) -> None:
        _ensure_open(descriptor)
        self._descriptor, self._on_drop = descriptor, on_drop
        self._max_lines, self._max_bytes = max_lines, max_bytes
        self.reset()
        _WRITERS.add(self)

    def reset(self) -> None:
        """Forget the queue and the thread: both belong to the process that forked this one."""
        # A signal handler may log while this thread holds the lock, so it is one that the thread may take twice.
        self._lock = threading.RLock()
        self._queue: SimpleQueue[bytes] = SimpleQueue()
        self._queued_lines = self._queued_bytes = 0
        self._unreported = 0
        self._is_torn = False
        self._thread: threading.Thread | None = None

    def write(self, line: bytes) -> None:
        """Queue one line, line break included. Drop it when the queue is full."""
        with self._lock:
            has_room = self._queued_lines < self._max_lines and self._queued_bytes + len(line) <= self._max_bytes
            if has_room:
                self._queued_lines += 1
                self._queued_bytes += len(line)
                self._queue.put(line)
        if has_room:
            self._ensure_thread()
        else:
            self.drop()

    def drop(self) -> None:
        """Count one line as dropped."""
        with self._lock:
            self._unreported += 1
        with contextlib.suppress(Exception):
            self._on_drop(1)

    def flush(self, timeout_s: float = FLUSH_TIMEOUT_S) -> None:
        """Return when every queued line is written or dropped, or after `timeout_s`."""
        end = time.monotonic() + timeout_s
        while self._thread and self._queued_lines and time.monotonic() < end:
            time.sleep(POLL_S)

    def _ensure_thread(self) -> None:
        with self._lock:
            if self._thread:
                return
            thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
            # Without room for a thread the lines wait, and the next one tries again.
            with contextlib.suppress(RuntimeError):
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        while True:
            line = self._queue.get()
            is_written = self._emit(line)
            with self._lock:
                self._queued_lines -= 1
                self._queued_bytes -= len(line)
            if is_written:
                self._report_dropped()
            else:
                self.drop()

    def _report_dropped(self) -> None:
        with self._lock:
            lines, self._unreported = self._unreported, 0
        if lines:
            now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            record = {"time": now, "level": "warning", "event": "log lines dropped", "lines": lines}
            self._emit(json.dumps(record).encode() + b"\n")

    def _emit(self, line: bytes) -> bool:
        """Whether the line was written whole."""
        rest = b"\n" + line if self._is_torn else line
        try:
            while rest:
                written = self._attempt(rest)
                self._is_torn = written < len(rest) if written else self._is_torn
                rest = rest[written:]
        except (OSError, ValueError):
            return False
        return True

    def _attempt(self, data: bytes) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            waiting = select.poll()
            waiting.register(self._descriptor, select.POLLOUT)
            waiting.poll(PIPE_WAIT_MS)
            return 0


class LogStream(io.TextIOBase):
    """A text stream in place of standard output or standard error whose lines go through a LogWriter."""

    def __init__(self, writer: LogWriter, descriptor: int) -> None:
        self._writer, self._descriptor = writer, descriptor
        self._lock, self._partial = threading.RLock(), ""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, text: str) -> int:
        """Queue every whole line of the text, and keep the rest for the next call."""
        with self._lock:
            whole, end, self._partial = (self._partial + text).rpartition("\n")
        if end:
            self._writer.write((whole + end).encode(errors="backslashreplace"))
        return len(text)


_WRITERS: weakref.WeakSet[LogWriter] = weakref.WeakSet()


def _reset_all() -> None:
    for writer in list(_WRITERS):
        writer.reset()


@atexit.register
def _flush_all() -> None:
    for writer in list(_WRITERS):
        writer.flush()


def _ensure_open(descriptor: int) -> None:
    """Put the null device on a closed descriptor: the next file or socket to open would get its number, and the log."""
    try:
        os.fstat(descriptor)
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        if null != descriptor:
            os.dup2(null, descriptor)
            os.close(null)


os.register_at_fork(after_in_child=_reset_all)
