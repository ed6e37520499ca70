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
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import accumulate, islice
from queue import Empty, SimpleQueue

MAX_QUEUED_LINES = 8192
MAX_QUEUED_BYTES = 8 * 2**20
FLUSH_TIMEOUT_S = 1.0
#: Between two attempts at a full pipe that is in non-blocking mode.
PIPE_WAIT_MS = 1000
POLL_S = 0.002
#: For how long lines gather, unless a flush waits for them. A process that is killed takes as much with it.
GATHER_S = 0.01
#: Bytes that are written in one piece, where a line is no longer: a pipe takes as many without those of other processes
#: among them.
MAX_PIECE_BYTES = select.PIPE_BUF


class LogWriter:
    """Writes lines to a descriptor, in their order, from a thread of its own.

    Lines that come within `gather_s` of each other are written together: to wake the thread up for each one would cost
    a request more than the rest of its line. Safe to use from any thread and in signal handlers. After a fork the child
    starts with an empty queue and, at its first line, a thread of its own. `on_drop` is called with the number of lines
    dropped."""

    def __init__(
        self,
        descriptor: int,
        *,
        max_lines: int = MAX_QUEUED_LINES,
        max_bytes: int = MAX_QUEUED_BYTES,
        gather_s: float = GATHER_S,
        on_drop: Callable[[int], None] = lambda _: None,
    ) -> None:
        _ensure_open(descriptor)
        self._descriptor, self._on_drop = descriptor, on_drop
        self._max_lines, self._max_bytes, self.gather_s = max_lines, max_bytes, gather_s
        self.reset()
        _WRITERS.add(self)

    def reset(self) -> None:
        """Forget the queue and the thread: both belong to the process that forked this one."""
        # A signal handler may log while this thread holds the lock, so it is one that the thread may take twice.
        self._lock = threading.RLock()
        self._lines: deque[bytes] = deque()
        self._queued_lines = self._queued_bytes = 0
        self._unreported = 0
        self._is_torn = self._is_idle = False
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def write(self, line: bytes) -> None:
        """Queue one line, line break included. Drop it when the queue is full."""
        with self._lock:
            has_room = self._queued_lines < self._max_lines and self._queued_bytes + len(line) <= self._max_bytes
            if has_room:
                self._queued_lines += 1
                self._queued_bytes += len(line)
                self._lines.append(line)
                self._ensure_awake()
        if not has_room:
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
        if self._thread and self._queued_lines and self._wake.empty():
            # Lines that gather go out now.
            self._wake.put(None)
        while self._thread and self._queued_lines and time.monotonic() < end:
            time.sleep(POLL_S)

    def _ensure_awake(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
            # Without room for a thread the lines wait, and the next one tries again.
            with contextlib.suppress(RuntimeError):
                thread.start()
                self._thread = thread
        elif self._is_idle:
            self._is_idle = False
            self._wake.put(None)

    def _run(self) -> None:
        while True:
            lines = self._next_lines()
            if not lines:
                self._wake.get()
                continue
            self._write_all(lines)
            with self._lock:
                self._queued_lines -= len(lines)
                self._queued_bytes -= sum(map(len, lines))
            if not self._lines:
                with contextlib.suppress(Empty):
                    self._wake.get(timeout=self.gather_s)

    def _next_lines(self) -> Sequence[bytes]:
        """Take what goes out in one piece; nothing where no line waits, and the next one is to wake this thread."""
        taken: list[bytes] = []
        size = 0
        with self._lock:
            while self._lines and (not taken or size + len(self._lines[0]) <= MAX_PIECE_BYTES):
                taken.append(self._lines.popleft())
                size += len(taken[-1])
            self._is_idle = not taken
        return taken

    def _write_all(self, lines: Sequence[bytes]) -> None:
        """Write these lines, and drop each one that cannot be written whole."""
        while lines:
            whole = self._emit(lines)
            if whole:
                self._report_dropped()
            if whole < len(lines):
                self.drop()
            lines = lines[whole + 1 :]

    def _report_dropped(self) -> None:
        with self._lock:
            lines, self._unreported = self._unreported, 0
        if lines:
            now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            record = {"time": now, "level": "warning", "event": "log lines dropped", "lines": lines}
            self._emit([json.dumps(record).encode() + b"\n"])

    def _emit(self, lines: Sequence[bytes]) -> int:
        """Write lines up to the first one that fails. Returns how many were written whole."""
        start = b"\n" if self._is_torn else b""
        data, written = start + b"".join(lines), 0
        with contextlib.suppress(OSError, ValueError):
            while written < len(data):
                written += self._attempt(data[written:])
        if written:
            self._is_torn = data[written - 1 : written] != b"\n"
        ends = accumulate(map(len, lines), initial=len(start))
        return sum(end <= written for end in islice(ends, 1, None))

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
