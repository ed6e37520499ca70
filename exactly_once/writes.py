"""Writes: exactly once, and acknowledged only when no single fault can take them back.

A write is sent with the number of the request's record, so that it may be sent again, to whoever is primary by then,
until it is acknowledged or the deadline has come. The rule of acknowledgement is in docs/architecture.md.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from exactly_once.bulkhead import Bulkhead
from exactly_once.client import Address, Command, Node, Nodes
from exactly_once.reads import Reader
from exactly_once.scripts import Script, Scripts, Value
from exactly_once.server_errors import ServerFault, Unclear
from exactly_once.topology import Fence, Topology
from shop import telemetry
from shop.domain.errors import Invalid, KeyReused, NotFound, OutcomeUnknown, Refusal, ShopError, StoreUnavailable
from shop.domain.requests import Done, WriteRequest
from shop.repositories.keys import Keys

T = TypeVar("T")
R = TypeVar("R", bound=Refusal)

#: How long replicas may take to say that they have a write, in milliseconds.
WAIT = 150
#: How long a server may take for a script and the wait behind it, in seconds.
TIMEOUT = 0.5
TIMEOUT_PER_COMMAND = 0.005
#: Between two tries, in seconds; the second one at once, because most first tries fail on a stale connection.
PAUSES = (0.0, 0.02, 0.05, 0.1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a write script said: a tag, what came behind it, and the id of the request that it was said to first."""

    tag: str
    values: Sequence[str]
    carried_out_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Write:
    """One run of a script: which, for which request, on what."""

    script: str
    request: WriteRequest
    keys: Mapping[str, str]
    argv: Mapping[str, Value]


class Durability:
    """What a write is sent with, and how its acknowledgements are counted."""

    def __init__(self, name: str) -> None:
        self.is_memory = name == "memory"
        self._fsynced = name == "fsynced"

    def wait(self, replicas: int) -> Sequence[Command]:
        """The commands behind the script."""
        if self.is_memory:
            return ()
        wait = ("WAIT", replicas, WAIT)
        # A replica says how much it has as soon as it is asked, which is together with the write, before its disk has
        # it: by WAITAOF alone it is asked too early, and says the rest within a second. After a WAIT it is asked again,
        # when its disk has the write.
        return (wait, ("WAITAOF", 1, replicas, WAIT)) if self._fsynced else (wait,)

    def acknowledgements(self, replies: Sequence[Any]) -> int:
        """How many replicas have the write; with `fsynced`, on their disks, and 0 unless on the primary's too."""
        if not self._fsynced:
            return int(replies[0]) if replies else 0
        on_primary, on_replicas = replies[-1]
        return int(on_replicas) if on_primary else 0


class Writer:
    """Runs the scripts that write."""

    def __init__(
        self,
        *,
        reader: Reader,
        nodes: Nodes,
        topology: Topology,
        scripts: Scripts,
        keys: Keys,
        fence: Fence,
        durability: Durability,
        replicas: int,
        bulkhead: Bulkhead,
        confirmed: Callable[[Address, int], bool],
    ) -> None:
        self._reader = reader
        self._nodes = nodes
        self._topology = topology
        self._scripts = scripts
        self._keys = keys
        self._fence = fence
        self._durability = durability
        self._replicas = replicas
        self._bulkhead = bulkhead
        self._confirmed = confirmed

    def write(self, write: Write) -> Reply:
        """What the script said, to this request or to the one of the same record before it.

        Raises:
            KeyReused: the record belongs to another request.
            NotFound: the outcome was about somebody who has been erased since.
            StoreUnavailable: nothing was done until the deadline, or too many writes wait already.
            OutcomeUnknown: it may have been done, and could not be made certain until the deadline.
        """
        return _outcome(self._run([write])[0])

    def write_all(self, writes: Sequence[Write]) -> Sequence[Reply]:
        """As `write`, many of one script in one round trip, acknowledged together; the first one's deadline counts.
        `each` makes outcomes of the replies.

        Raises:
            StoreUnavailable: as `write`.
            OutcomeUnknown: some may have been done.
        """
        return self._run(writes) if writes else []

    def decide(self, request: WriteRequest, attempt: Callable[[], Reply]) -> Reply:
        """The reply of an attempt that looks at the present state first, made anew while that changes under it. The
        outcome of the request, where it has one by then, comes before whatever the attempt makes of the state.

        Raises: as `write`, and what `attempt` raises.
        """
        while True:
            try:
                reply = self._replay(request) if self._is_recorded(request) else attempt()
            except (Invalid, NotFound):
                # A twin of this request may have come between: then the state is what it left.
                if not self._is_recorded(request):
                    raise
                reply = self._replay(request)
            if reply.tag != "CHANGED":
                return reply

    def _is_recorded(self, request: WriteRequest) -> bool:
        return bool(self._reader.own(("EXISTS", self._keys.request(request.record))))

    def _replay(self, request: WriteRequest) -> Reply:
        return self.write(Write(script="request_replay", request=request, keys={}, argv={}))

    def _run(self, writes: Sequence[Write]) -> Sequence[Reply]:
        script = self._scripts[writes[0].script]
        commands = [self._command(script, write) for write in writes]
        try:
            with self._bulkhead.place(writes[0].request.deadline):
                replies = self._until_acknowledged(script, commands, writes[0].request.deadline)
        except StoreUnavailable:
            self._refuse_to_deny(writes)
            raise
        self._fence.raise_to(replies[-1][0])
        return [Reply(tag=tag, values=values, carried_out_by=by) for _, by, tag, *values in replies]

    def _refuse_to_deny(self, writes: Sequence[Write]) -> None:
        if any(write.request.may_be_repeat for write in writes):
            raise OutcomeUnknown("An instance that had the request before may have done it, or may do it yet.")
        # Not by this try; but a request under the same key may have done it, and left it unacknowledged.
        if self._reader.own(("EXISTS", *(self._keys.request(write.request.record) for write in writes))):
            raise OutcomeUnknown("An earlier try did what the store does not confirm now.")

    def _command(self, script: Script, write: Write) -> Command:
        request = write.request
        return script.command(
            {"request": self._keys.request(request.record), "fence": self._keys.fence, **write.keys},
            {
                "fingerprint": request.fingerprint,
                "request_id": request.id,
                "remember": request.remember,
                **write.argv,
            },
        )

    def _until_acknowledged(self, script: Script, commands: Sequence[Command], deadline: float) -> list[Any]:
        may_be_done = False
        for primary in self._primaries(deadline):
            try:
                replies = self._send(self._nodes[primary], script, commands, deadline)
                may_be_done = True
                is_acknowledged = self._is_acknowledged(primary, replies[len(commands) :])
            except ServerFault as fault:
                telemetry.write_retried(fault.reason)
                may_be_done = may_be_done or isinstance(fault, Unclear)
                continue
            if is_acknowledged:
                return replies[: len(commands)]
            telemetry.write_retried("unacknowledged")
        if may_be_done:
            raise OutcomeUnknown("The store did not confirm in time what it may have done.")
        raise StoreUnavailable("The store takes no writes at the moment.")

    def _send(self, node: Node, script: Script, commands: Sequence[Command], deadline: float) -> list[Any]:
        wait = self._durability.wait(max(self._topology.view.following, 1))
        left = max(deadline - time.time(), 0.05)
        timeout = min(TIMEOUT + len(commands) * TIMEOUT_PER_COMMAND, left)
        replies = self._scripts.run(node, script, *commands, *wait, timeout=timeout)
        if wait:
            telemetry.waited(self._durability.acknowledgements(replies[len(commands) :]), replies.last_took)
        return replies

    def _primaries(self, deadline: float) -> Iterator[Address]:
        """The primary, as often as it is asked for until the deadline; after the first time the Sentinels say anew, and
        while there is none it is waited for."""
        primary = self._topology.view.primary
        if time.time() >= deadline:
            # An instance that was frozen wakes up: others had the request since, and its record may be gone already.
            return
        if primary:
            yield primary
        for pause in _pauses():
            if time.time() + pause >= deadline:
                return
            time.sleep(pause)
            primary = self._topology.refresh().primary or self._topology.wait_for_primary(deadline)
            if primary:
                yield primary

    def _is_acknowledged(self, primary: Address, waited: Sequence[Any]) -> bool:
        if self._durability.is_memory:
            return True
        count = self._durability.acknowledgements(waited)
        if count >= self._replicas:
            return True
        return count > 0 and self._confirmed(primary, count)


def _pauses() -> Iterator[float]:
    yield from PAUSES
    while True:
        yield PAUSES[-1]


def _outcome(reply: Reply) -> Reply:
    if reply.tag == "KEY_REUSED":
        raise KeyReused
    if reply.tag == "ERASED":
        raise NotFound("user", "that this request was about: they have been erased")
    return reply


def refused(refusal: R, reply: Reply) -> R:
    """The refusal, with the id of the request that was told so first."""
    refusal.carried_out_by = reply.carried_out_by
    return refusal


def each(replies: Sequence[Reply], outcome: Callable[[Reply], Done[T]]) -> Sequence[Done[T] | ShopError]:
    """The outcomes of many replies; an error takes its place among them instead of being raised."""
    return [_done_or_refused(reply, outcome) for reply in replies]


def _done_or_refused(reply: Reply, outcome: Callable[[Reply], Done[T]]) -> Done[T] | ShopError:
    try:
        return outcome(_outcome(reply))
    except ShopError as error:
        return error
