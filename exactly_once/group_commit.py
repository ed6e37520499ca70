"""Group commit: writes that find the store busy go to it together, and are acknowledged together.

MAX_CONCURRENT_SENDS messages to the store are under way at a time. A write that finds fewer sends its own at once.
Those that come meanwhile wait, and the first of them sends the scripts of all in one message with one WAIT behind them
(DeWitt et al., "Implementation techniques for main memory database systems", 1984). Each gets its own reply: what
becomes of a write does not depend on the others of its message.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple

from exactly_once.client import PROMPT_REPLY_S, Address, Command, Replies
from exactly_once.errors import Indeterminate, NotExecuted, ServerError

#: Messages of one process that are at the store at the same time. More would not be faster: they share one interpreter,
#: and when the store comes back after a failover, hundreds that have waited for it would arrive at once.
MAX_CONCURRENT_SENDS = 2
#: Scripts in one message. A server executes them without a pause, for some milliseconds.
MAX_SCRIPTS_PER_SEND = 16


class Destination(NamedTuple):
    """Where a script goes, and how long its message waits for the replicas, in milliseconds."""

    address: Address
    wait_ms: int


#: Sends scripts to a destination in one message, within so many seconds. Returns the replies to the scripts, then those
#: to what waits for the replicas; a refused command has its error in its place.
Transmit = Callable[[Destination, Sequence[Command], float], Replies]


@dataclass(eq=False, slots=True)
class _Entry:
    """What one thread wants to send; without a destination a place, to send several messages from. Its thread waits for
    `woken`, and finds either a batch to send or its outcome."""

    destination: Destination | None
    command: Command
    deadline: float
    woken: threading.Lock = field(default_factory=threading.Lock)
    batch: "list[_Entry]" = field(default_factory=list)
    outcome: Replies | ServerError | None = None


class GroupCommit:
    """The messages of a process to the store. `timeout_s` is how long one may take that waits for so many milliseconds.
    `release_slot` is entered while a thread waits for long: an application that limits its concurrency gives its slot
    to another one meanwhile. Safe to use from any thread."""

    def __init__(
        self,
        transmit: Transmit,
        timeout_s: Callable[[int, int], float],
        release_slot: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._transmit = transmit
        self._timeout_s = timeout_s
        self._release_slot = release_slot
        self._lock = threading.Lock()
        self._free = MAX_CONCURRENT_SENDS
        self._waiting: deque[_Entry] = deque()

    def send(self, destination: Destination, command: Command, deadline: float) -> Replies:
        """The replies to this script and to what waits for the replicas; a refused command has its error in its place.

        Raises:
            NotExecuted: it was not sent until `deadline`, or no connection could be had.
            Indeterminate: the connection ended or time ran out after it was sent.
        """
        entry = _Entry(destination, command, deadline)
        self._wait_for_turn(entry, is_ahead=False)
        if entry.batch:
            try:
                self._exchange(destination, entry.batch)
            finally:
                self._hand_on()
                _wake(entry.batch[1:])
        return _replies(entry)

    @contextmanager
    def place(self, deadline: float) -> Iterator[None]:
        """A place at the store for as long as the block runs, before those that have not sent anything yet.

        Raises:
            NotExecuted: there was none until `deadline`, on the clock of time.monotonic().
        """
        self._wait_for_turn(_Entry(None, (), deadline), is_ahead=True)
        try:
            yield
        finally:
            self._hand_on()

    def _wait_for_turn(self, entry: _Entry, *, is_ahead: bool) -> None:
        """Return when the entry has a batch to send, or an outcome."""
        with self._lock:
            if self._free:
                self._free -= 1
                entry.batch = [entry]
                return
            entry.woken.acquire()
            (self._waiting.appendleft if is_ahead else self._waiting.append)(entry)
        left = entry.deadline - time.monotonic()
        if not entry.woken.acquire(timeout=max(min(left, PROMPT_REPLY_S), 0)):
            with self._release_slot():
                self._wait_long(entry)

    def _wait_long(self, entry: _Entry) -> None:
        if entry.woken.acquire(timeout=max(entry.deadline - time.monotonic(), 0)):
            return
        with self._lock:
            if entry in self._waiting:
                self._waiting.remove(entry)
                raise NotExecuted("Other writes wait for the store.", "crowded")
        # It has been sent, or has a place: that ends within the time that a message may take.
        entry.woken.acquire()

    def _hand_on(self) -> None:
        """Give the place of a thread to the first that waits, or free it."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            first = self._waiting.popleft()
            first.batch = [first, *self._companions(first)]
        first.woken.release()

    def _companions(self, first: _Entry) -> list[_Entry]:
        """Take those out of the queue that go with this one: to the same destination, and with time for it."""
        if first.destination is None:
            return []
        needed_until = time.monotonic() + self._timeout_s(first.destination.wait_ms, MAX_SCRIPTS_PER_SEND)
        if first.deadline < needed_until:
            return []
        fitting = [
            entry
            for entry in self._waiting
            if entry.destination == first.destination and entry.deadline >= needed_until
        ]
        companions = fitting[: MAX_SCRIPTS_PER_SEND - 1]
        for entry in companions:
            self._waiting.remove(entry)
        return companions

    def _exchange(self, destination: Destination, batch: Sequence[_Entry]) -> None:
        # What all find where this thread ends before it has a reply.
        _fail(batch, Indeterminate("The thread that sent it has ended."))
        now = time.monotonic()
        entries = [entry for entry in batch if entry.deadline > now]
        # This process was frozen: others had these requests since, and their records may be gone already.
        _fail([entry for entry in batch if entry.deadline <= now], NotExecuted("The deadline has passed.", "late"))
        if entries:
            left = min(entry.deadline for entry in entries) - now
            self._send_all(destination, entries, min(self._timeout_s(destination.wait_ms, len(entries)), left))

    def _send_all(self, destination: Destination, entries: Sequence[_Entry], timeout_s: float) -> None:
        try:
            replies = self._transmit(destination, [entry.command for entry in entries], timeout_s)
        except ServerError as error:
            _fail(entries, error)
            return
        waited = replies[len(entries) :]
        for entry, reply in zip(entries, replies, strict=False):
            entry.outcome = Replies([reply, *waited], last_reply_s=replies.last_reply_s)


def _fail(entries: Sequence[_Entry], error: ServerError) -> None:
    for entry in entries:
        entry.outcome = error


def _wake(entries: Sequence[_Entry]) -> None:
    for entry in entries:
        entry.woken.release()


def _replies(entry: _Entry) -> Replies:
    if isinstance(entry.outcome, Replies):
        return entry.outcome
    error = entry.outcome or Indeterminate("It has no outcome.")
    # Several threads have this error, and each raises one of its own.
    raise type(error)(str(error), error.reason, timed_out=error.timed_out) from error
