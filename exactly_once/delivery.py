"""Delivery of writes: their scripts go to the node that is primary by then, until they are acknowledged or the deadline
has come. The rule of acknowledgement is in docs/architecture.md."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from exactly_once.acknowledgements import AcceptedCount
from exactly_once.client import Address, Command, Replies, checked
from exactly_once.cluster import Cluster
from exactly_once.declarations import SCHEMA_CHANGED
from exactly_once.durability import Durability
from exactly_once.errors import Indeterminate, NotExecuted, OutcomeUnknown, ServerError, StoreUnavailable
from exactly_once.failover_safety import FailoverSafetyCheck
from exactly_once.group_commit import Destination, GroupCommit
from exactly_once.schema import SchemaGate
from exactly_once.scripts import Script, Scripts

#: Time that replicas may take to confirm a write at the first try, in milliseconds.
DEFAULT_WAIT_MS = 150
#: How many times as long replicas may take at each try that a primary has carried out. A slow one gets the time that it
#: needs. One that is dead or cut off shows within two seconds; a write that waits for it must not miss that.
WAIT_FACTORS = (1, 2, 2, 2, 2, 2, 4, 8)
MAX_FACTOR = len(WAIT_FACTORS) - 1
#: Time that a server may take for a script and the first wait behind it, in seconds, and for each further script of a
#: message.
WRITE_TIMEOUT_S, WRITE_TIMEOUT_PER_SCRIPT_S = 0.5, 0.005
#: Pauses between two tries, in seconds; the second one at once, because most first tries fail on a stale connection.
RETRY_PAUSES_S = (0.0, 0.02, 0.05, 0.1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Errand:
    """Scripts to run until `deadline`, on the clock of time.monotonic(). `commands` makes them for the epoch of a
    primary; there are `count`."""

    script: Script
    commands: Callable[[str], Sequence[Command]]
    count: int
    deadline: float

    def raise_if_over(self) -> None:
        """Raise NotExecuted where the deadline has passed."""
        if time.monotonic() >= self.deadline:
            raise NotExecuted("The deadline has passed.", "late")


@dataclass(slots=True)
class _History:
    """What the tries so far came to."""

    may_be_done: bool = False
    unacknowledged: Counter[Address] = field(default_factory=Counter)


class Delivery:
    """Sends the scripts of writes. The first try of a write goes together with those of others. The further ones have a
    place at the store of their own: a few at a time look for the primary, and the others wait for these."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        scripts: Scripts,
        durability: Durability,
        gate: SchemaGate,
        wait_ms: int = DEFAULT_WAIT_MS,
    ) -> None:
        self._cluster = cluster
        self._scripts = scripts
        self._durability = durability
        self._gate = gate
        self._wait_ms = wait_ms
        self._safety = FailoverSafetyCheck(cluster.sentinels, cluster.nodes, cluster.replicas)
        self._accepted_count = AcceptedCount()
        self._first_factor = 0
        self._group = GroupCommit(self._transmit, self._timeout_s, cluster.topology.is_primary, cluster.release_slot)

    def deliver(self, errand: Errand) -> Sequence[Any]:
        """The replies of the scripts, once the writes are acknowledged.

        Raises:
            StoreUnavailable: nothing was done until the deadline.
            OutcomeUnknown: it may have been done, and could not be made certain until the deadline.
        """
        history = _History()
        primary = self._cluster.topology.view.primary
        if primary and errand.count == 1:
            replies = self._try(errand, primary, history, self._send_together)
            if replies is not None:
                return replies
            primary = None
        # This takes as long as there is no primary. Others work meanwhile.
        with self._cluster.release_slot():
            return self._persist(errand, primary, history)

    def _persist(self, errand: Errand, primary: Address | None, history: _History) -> Sequence[Any]:
        try:
            with self._group.place(errand.deadline):
                for each in self._primaries(primary, errand.deadline):
                    replies = self._try(errand, each, history, self._send_alone)
                    if replies is not None:
                        return replies
        except NotExecuted as error:
            raise self._failure(history) from error
        raise self._failure(history)

    def _failure(self, history: _History) -> Exception:
        if history.may_be_done:
            return OutcomeUnknown("The store did not confirm in time what it may have done.")
        return StoreUnavailable("The store takes no writes at the moment.")

    def _primaries(self, primary: Address | None, deadline: float) -> Iterator[Address]:
        """The primary, as often as it is to be asked until the deadline: the given one first. Then the Sentinels are
        asked again each time, and while there is no primary it is waited for."""
        topology = self._cluster.topology
        if primary:
            yield primary
        for pause in _retry_pauses():
            if time.monotonic() + pause >= deadline:
                return
            time.sleep(pause)
            primary = topology.refresh().primary or topology.wait_for_primary(deadline)
            if primary:
                yield primary

    def _try(
        self,
        errand: Errand,
        primary: Address,
        history: _History,
        send: Callable[[Errand, Destination, Sequence[Command]], Replies],
    ) -> Sequence[Any] | None:
        """The replies of the scripts; None where the write is not acknowledged."""
        commands = errand.commands(self._cluster.topology.epoch_of(primary))
        factor = WAIT_FACTORS[min(self._first_factor + history.unacknowledged[primary], MAX_FACTOR)]
        try:
            replies = send(errand, Destination(primary, self._wait_ms * factor), commands)
            history.may_be_done = True
            is_acknowledged = self._is_acknowledged(primary, replies[errand.count :])
        except ServerError as error:
            self._cluster.observer.write_retried(error.reason)
            history.may_be_done = history.may_be_done or isinstance(error, Indeterminate)
            return None
        if not is_acknowledged:
            history.unacknowledged[primary] += 1
            self._cluster.observer.write_retried("unacknowledged")
            return None
        # Where the first wait was too short for this write, it is for the next one.
        is_slow = bool(history.unacknowledged[primary]) or replies.last_reply_s * 1000 > self._wait_ms
        self._first_factor = int(is_slow)
        return replies[: errand.count]

    def _send_together(self, errand: Errand, destination: Destination, commands: Sequence[Command]) -> Replies:
        return self._run(errand, destination, partial(self._group.send, destination, commands[0], errand.deadline))

    def _send_alone(self, errand: Errand, destination: Destination, commands: Sequence[Command]) -> Replies:
        # An instance that was frozen wakes up: others had the request since, and its record may be gone already.
        errand.raise_if_over()
        left = max(errand.deadline - time.monotonic(), 0.05)
        timeout_s = min(self._timeout_s(destination.wait_ms, len(commands)), left)
        return self._run(errand, destination, partial(self._transmit, destination, commands, timeout_s))

    def _run(self, errand: Errand, destination: Destination, send: Callable[[], Replies]) -> Replies:
        load = partial(self._cluster.nodes[destination.address].load, timeout=WRITE_TIMEOUT_S)
        replies = self._scripts.run_by(lambda: checked(send()), errand.script, load, self._cluster.observer)
        if replies[0][2] == SCHEMA_CHANGED:
            raise self._gate.refusal(replies[0][3])
        return replies

    def _timeout_s(self, wait_ms: int, count: int) -> float:
        waits = 2 if self._durability is Durability.FSYNCED else 1
        return WRITE_TIMEOUT_S + waits * (wait_ms - self._wait_ms) / 1000 + count * WRITE_TIMEOUT_PER_SCRIPT_S

    def _transmit(self, destination: Destination, commands: Sequence[Command], timeout_s: float) -> Replies:
        primary, wait_ms = destination
        # 0 would mean no limit.
        wait_ms = max(1, min(wait_ms, int(timeout_s * 1000)))
        wait = self._durability.wait_commands(self._count_to_wait_for(primary), wait_ms)
        replies = self._cluster.nodes[primary].replies(*commands, *wait, timeout=timeout_s)
        waited = replies[len(commands) :]
        if waited and not any(isinstance(reply, Exception) for reply in replies):
            self._cluster.observer.waited(self._durability.acknowledgements(waited), replies.last_reply_s)
        return replies

    def _count_to_wait_for(self, primary: Address) -> int:
        following = max(self._cluster.topology.view.following, 1)
        return min(following, self._accepted_count.get(primary) or following)

    def _is_acknowledged(self, primary: Address, waited: Sequence[Any]) -> bool:
        if self._durability is Durability.MEMORY:
            return True
        count = self._durability.acknowledgements(waited)
        # One that was added is known to the Sentinels before it acknowledges anything (ADR 60).
        if count >= max(self._cluster.replicas, self._cluster.topology.view.known_replicas):
            return True
        with self._cluster.release_slot():
            is_safe = count > 0 and self._safety.is_failover_safe(primary, count)
        self._accepted_count.record(primary, count if is_safe else 0)
        return is_safe


def _retry_pauses() -> Iterator[float]:
    yield from RETRY_PAUSES_S
    while True:
        yield RETRY_PAUSES_S[-1]
