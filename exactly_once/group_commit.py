"""Group commit: writes that find the store busy go to it together, and are acknowledged together.

One message to the store is under way at a time. A write that finds none sends its own at once. Those that come
meanwhile wait, and the first of them sends the scripts of all in one message with one WAIT behind them
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

#: Writes of one process that look for the primary at the same time, or send several messages. Meanwhile nothing else is
#: sent: when the store comes back after a failover, hundreds that have waited for it would arrive at once.
MAX_PLACES = 4
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
    `woken`, and finds either the batch that it is to send or its outcome."""

    destination: Destination | None
    command: Command
    deadline: float
    woken: threading.Lock = field(default_factory=threading.Lock)
    batch: "list[_Entry]" = field(default_factory=list)
    outcome: Replies | ServerError | None = None


class GroupCommit:
    """The messages of a process to the store, and the places of writes that send several. `timeout_s` is how long a
    message may take that waits for so many milliseconds and has so many scripts. `is_primary` tells, without blocking,
    whether scripts may still go to an address. `release_slot` is entered while a thread waits for long: an application
    that limits its concurrency gives its slot to another one meanwhile. Safe to use from any thread."""

    def __init__(
        self,
        transmit: Transmit,
        timeout_s: Callable[[int, int], float],
        is_primary: Callable[[Address], bool] = lambda address: True,
        release_slot: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._transmit = transmit
        self._timeout_s = timeout_s
        self._is_primary = is_primary
        self._release_slot = release_slot
        self._lock = threading.Lock()
        self._is_sending = False
        self._places_taken = 0
        self._is_message_next = False
        self._waiting: deque[_Entry] = deque()
        self._waiting_for_places: deque[_Entry] = deque()

    def send(self, destination: Destination, command: Command, deadline: float) -> Replies:
        """The replies to this script and to what waits for the replicas; a refused command has its error in its place.

        Raises:
            NotExecuted: it was not sent until `deadline`, another node is primary by then, or no connection could be
            had.
            Indeterminate: the connection ended or time ran out after it was sent.
        """
        entry = _Entry(destination, command, deadline)
        self._take_turn(entry, self._waiting)
        return _replies(entry)

    @contextmanager
    def place(self, deadline: float) -> Iterator[None]:
        """A place at the store for as long as the block runs, in turn with the messages of other writes.

        Raises:
            NotExecuted: there was none until `deadline`, on the clock of time.monotonic().
        """
        self._take_turn(_Entry(None, (), deadline), self._waiting_for_places)
        try:
            yield
        finally:
            self._end_place()

    def _take_turn(self, entry: _Entry, queue: "deque[_Entry]") -> None:
        """Return when the entry has a place or an outcome; its thread sends the batch that it is given."""
        entry.woken.acquire()
        with self._lock:
            queue.append(entry)
            self._admit()
        left = entry.deadline - time.monotonic()
        if entry.woken.acquire(timeout=max(min(left, PROMPT_REPLY_S), 0)):
            self._send_batch(entry)
            return
        with self._release_slot():
            self._wait_long(entry, queue)
            # Before the slot is re-acquired: nothing else is sent until this is.
            self._send_batch(entry)

    def _wait_long(self, entry: _Entry, queue: "deque[_Entry]") -> None:
        if entry.woken.acquire(timeout=max(entry.deadline - time.monotonic(), 0)):
            return
        with self._lock:
            if entry in queue:
                queue.remove(entry)
                raise NotExecuted("Other writes wait for the store.", "crowded")
        # It has been sent, or has a place: that ends within the time that a message may take.
        entry.woken.acquire()

    def _send_batch(self, entry: _Entry) -> None:
        if not (entry.batch and entry.destination):
            return
        try:
            self._exchange(entry.destination, entry.batch)
        finally:
            self._end_message()
            _wake(entry.batch[1:])

    def _end_message(self) -> None:
        with self._lock:
            self._is_sending = False
            self._admit()

    def _end_place(self) -> None:
        with self._lock:
            self._places_taken -= 1
            self._admit()

    def _admit(self) -> None:
        """Let the first ones go on, as many as may: one for a place and a message in turn."""
        while self._places_taken < MAX_PLACES and self._admit_one():
            pass

    def _admit_one(self) -> bool:
        may_send = bool(self._waiting) and not self._is_sending
        if may_send and (self._is_message_next or not self._waiting_for_places):
            self._is_sending, self._is_message_next = True, False
            first = self._waiting.popleft()
            first.batch = [first, *self._companions(first)]
        elif self._waiting_for_places:
            self._places_taken, self._is_message_next = self._places_taken + 1, True
            first = self._waiting_for_places.popleft()
        else:
            return False
        first.woken.release()
        return True

    def _companions(self, first: _Entry) -> list[_Entry]:
        """Take those out of the queue that go with this one: to the same destination, and with time for it."""
        wait_ms = first.destination.wait_ms if first.destination else 0
        needed_until = time.monotonic() + self._timeout_s(wait_ms, MAX_SCRIPTS_PER_SEND)
        if not self._waiting or first.deadline < needed_until:
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

    def _refuse_waiting(self, address: Address) -> None:
        """Have those that wait for a message to this address look for the primary themselves."""
        with self._lock:
            refused = [entry for entry in self._waiting if entry.destination and entry.destination.address == address]
            for entry in refused:
                self._waiting.remove(entry)
        _fail(refused, NotExecuted("Another node may be primary by now.", "failover"))
        _wake(refused)

    def _exchange(self, destination: Destination, batch: Sequence[_Entry]) -> None:
        if not self._is_primary(destination.address):
            # The address dates from when the write began to wait.
            _fail(batch, NotExecuted("Another node is primary by now.", "failover"))
            self._refuse_waiting(destination.address)
            return
        # What all find where this thread ends before it has a reply.
        _fail(batch, Indeterminate("The thread that sent it has ended."))
        now, full_s = time.monotonic(), self._timeout_s(destination.wait_ms, len(batch))
        # With little time left, a write would shorten the timeout of others. Where the process was frozen and the
        # deadline has passed, others had the request since, and its record may be gone already.
        entries = [entry for entry in batch if entry.deadline >= now + full_s]
        entries = entries or [entry for entry in batch[:1] if entry.deadline > now]
        _fail([entry for entry in batch if entry not in entries], NotExecuted("Too little time is left.", "late"))
        if entries:
            self._send_all(destination, entries, min(full_s, entries[0].deadline - now))

    def _send_all(self, destination: Destination, entries: Sequence[_Entry], timeout_s: float) -> None:
        try:
            replies = self._transmit(destination, [entry.command for entry in entries], timeout_s)
        except ServerError as error:
            _fail(entries, error)
            if error.timed_out and timeout_s >= self._timeout_s(destination.wait_ms, 1):
                # The node is silent. Each further message would take as long.
                self._refuse_waiting(destination.address)
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
