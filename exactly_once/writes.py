"""Writes: exactly once, and acknowledged only when no single fault can take them back.

A write is sent with the idempotency key of its request, so that it may be sent again, to the node that is primary by
then, until it is acknowledged or the deadline has come. The rule of acknowledgement is in docs/architecture.md.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from exactly_once.acknowledgements import AcceptedCount
from exactly_once.bulkhead import Bulkhead
from exactly_once.client import Address, Command, Node, Replies
from exactly_once.cluster import Cluster
from exactly_once.declarations import SCHEMA_CHANGED, Reply, VersionConflict, WriteCall, WriteDeclaration
from exactly_once.durability import Durability
from exactly_once.errors import Indeterminate, OutcomeUnknown, ServerError, StoreUnavailable
from exactly_once.failover_safety import FailoverSafetyCheck
from exactly_once.namespace import Namespace
from exactly_once.rate_limits import RateState
from exactly_once.reads import Consistency, Reader
from exactly_once.requests import WriteRequest, WriteResult
from exactly_once.revision import Revision, RevisionWatermark
from exactly_once.schema import SchemaGate
from exactly_once.scripts import Script, Scripts

T = TypeVar("T")

#: Time that replicas may take to confirm a write at the first try, in milliseconds.
DEFAULT_WAIT_MS = 150
#: How many times as long replicas may take at each try that a primary has carried out. A slow one gets the time that it
#: needs. One that is dead or cut off shows within two seconds; a write that waits for it must not miss that.
WAIT_FACTORS = (1, 2, 2, 2, 2, 2, 4, 8)
MAX_FACTOR = len(WAIT_FACTORS) - 1
#: Time that a server may take for a script and the first wait behind it, in seconds, and for each further script of a
#: batch.
WRITE_TIMEOUT_S, WRITE_TIMEOUT_PER_SCRIPT_S = 0.5, 0.005
#: Pauses between two tries, in seconds; the second one at once, because most first tries fail on a stale connection.
RETRY_PAUSES_S = (0.0, 0.02, 0.05, 0.1)
#: How often an optimistic write is made anew. Each time another writer got through, so as many have succeeded
#: meanwhile.
MAX_OPTIMISTIC_ATTEMPTS = 200

_REPLAY: WriteDeclaration[Any] = WriteDeclaration(script="request_replay", keys=(), args=(), replies={})


class Writer:
    """Runs the scripts that write."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        reader: Reader,
        scripts: Scripts,
        namespace: Namespace,
        watermark: RevisionWatermark,
        durability: Durability,
        bulkhead: Bulkhead,
        gate: SchemaGate,
        wait_ms: int = DEFAULT_WAIT_MS,
    ) -> None:
        self._cluster = cluster
        self._reader = reader
        self._scripts = scripts
        self._namespace = namespace
        self._watermark = watermark
        self._durability = durability
        self._bulkhead = bulkhead
        self._gate = gate
        self._wait_ms = wait_ms
        self._safety = FailoverSafetyCheck(cluster.sentinels, cluster.nodes, cluster.replicas)
        self._accepted_count = AcceptedCount()
        self._first_factor = 0

    def write(self, call: WriteCall[T]) -> WriteResult[T]:
        """The result of a write, of this request or of an earlier one under its idempotency key.

        Raises:
            IdempotencyKeyReused: the key belongs to another request.
            RateLimited: the request's rate limit refuses it; nothing was done.
            OutcomeErased: the outcome held data of a subject that has been erased.
            StoreUnavailable: nothing was done until the deadline, or too many writes wait already.
            OutcomeUnknown: it may have been done, and could not be made certain until the deadline.
            The errors that the declaration names.
        """
        return call.declaration.interpret(self._run([call])[0])

    def write_all(self, calls: Sequence[WriteCall[T]]) -> Sequence[WriteResult[T] | Exception]:
        """As `write`, many of one declaration in one round trip, acknowledged together; an error that one of them comes
        to takes the place of its result. The first one's deadline counts.

        Raises:
            StoreUnavailable: as `write`.
            OutcomeUnknown: some may have been done.
        """
        replies = self._run(calls) if calls else []
        return [_result_or_error(call, reply) for call, reply in zip(calls, replies, strict=True)]

    def write_optimistic(
        self, declaration: WriteDeclaration[T], request: WriteRequest, prepare: Callable[[], WriteCall[T]]
    ) -> WriteResult[T]:
        """The result of a write that `prepare` makes from the present state, made anew while that changes under it. A
        recorded outcome of the request comes before whatever `prepare` makes of the state.

        Raises:
            As `write`, and what `prepare` raises where the request has no recorded outcome.
        """
        for _ in range(MAX_OPTIMISTIC_ATTEMPTS):
            try:
                if self._is_recorded(request):
                    return self._replay(declaration, request)
                return self.write(self._prepared(prepare, request))
            except (VersionConflict, _RecordedMeanwhile):
                continue
        raise StoreUnavailable("Too many others change the same record.")

    def confirm_writable(self, timeout_s: float) -> None:
        """Return when a write that changes nothing but the revision is acknowledged. Raises as `write`."""
        self._run([_REPLAY.call(WriteRequest.unique(timeout_s), keys={}, args={})])

    def _prepared(self, prepare: Callable[[], WriteCall[T]], request: WriteRequest) -> WriteCall[T]:
        try:
            return prepare()
        except Exception as error:
            # A twin of this request may have come between: then the state is what it left.
            if self._is_recorded(request):
                raise _RecordedMeanwhile from error
            raise

    def _is_recorded(self, request: WriteRequest) -> bool:
        key = self._namespace.request(request.idempotency_key)
        return bool(self._reader.read(("EXISTS", key), Consistency.LINEARIZABLE))

    def _replay(self, declaration: WriteDeclaration[T], request: WriteRequest) -> WriteResult[T]:
        return declaration.interpret(self._run([_REPLAY.call(request, keys={}, args={})])[0])

    def _run(self, calls: Sequence[WriteCall[Any]]) -> Sequence[Reply]:
        script = self._scripts[calls[0].declaration.script]
        deadline = calls[0].request.deadline
        try:
            with self._bulkhead.place(deadline):
                replies = self._until_acknowledged(script, calls, deadline)
        except StoreUnavailable:
            self._refuse_to_deny(calls)
            raise
        self._watermark.advance_to(Revision(*replies[-1][0][:2]))
        return [_reply(call, reply) for call, reply in zip(calls, replies, strict=True)]

    def _refuse_to_deny(self, calls: Sequence[WriteCall[Any]]) -> None:
        if any(call.request.may_be_retry for call in calls):
            raise OutcomeUnknown("An instance that had the request before may have done it, or may do it yet.")
        # Not by this try; but a request under the same key may have done it, and left it unacknowledged.
        keys = [self._namespace.request(call.request.idempotency_key) for call in calls]
        if self._reader.read(("EXISTS", *keys), Consistency.LINEARIZABLE):
            raise OutcomeUnknown("An earlier try did what the store does not confirm now.")

    def _command(self, script: Script, call: WriteCall[Any], primary_epoch: str) -> Command:
        request, entry = call.request, call.journal_entry()
        return script.command(
            {
                "request": self._namespace.request(request.idempotency_key),
                "revision": self._namespace.revision,
                "epoch": self._namespace.epoch,
                "schema": self._namespace.schema,
                "refusals": self._namespace.refusals(request.caller),
                "rate": self._namespace.rate(request.rate_limit.key),
                **call.keys,
            },
            {
                "fingerprint": request.fingerprint,
                "caller_fingerprint": request.caller_fingerprint,
                "request_id": request.id,
                "ttl_s": request.ttl_s,
                "max_refusals": request.max_refusals,
                "outcomes_prefix": self._namespace.outcomes_prefix,
                "schema_version": self._gate.version,
                "primary_epoch": primary_epoch,
                "rate_interval_us": request.rate_limit.interval_us,
                "rate_burst": request.rate_limit.burst,
                "journal": self._namespace.journal,
                "journal_entry": entry.text,
                "journal_seal": entry.seal,
                **call.args,
            },
        )

    def _until_acknowledged(self, script: Script, calls: Sequence[WriteCall[Any]], deadline: float) -> list[Any]:
        may_be_done = False
        unacknowledged: Counter[Address] = Counter()
        for primary in self._primaries(deadline):
            epoch = self._cluster.topology.epoch_of(primary)
            commands = [self._command(script, call, epoch) for call in calls]
            wait_ms = self._wait_ms * WAIT_FACTORS[min(self._first_factor + unacknowledged[primary], MAX_FACTOR)]
            try:
                replies = self._send(self._cluster.nodes[primary], script, commands, deadline, wait_ms)
                may_be_done = True
                is_acknowledged = self._is_acknowledged(primary, replies[len(commands) :])
            except ServerError as error:
                self._cluster.observer.write_retried(error.reason)
                may_be_done = may_be_done or isinstance(error, Indeterminate)
                continue
            if is_acknowledged:
                # Where the first wait was too short for this write, it is for the next one.
                is_slow = bool(unacknowledged[primary]) or replies.last_reply_s * 1000 > self._wait_ms
                self._first_factor = int(is_slow)
                return replies[: len(commands)]
            unacknowledged[primary] += 1
            self._cluster.observer.write_retried("unacknowledged")
        if may_be_done:
            raise OutcomeUnknown("The store did not confirm in time what it may have done.")
        raise StoreUnavailable("The store takes no writes at the moment.")

    def _send(self, node: Node, script: Script, commands: Sequence[Command], deadline: float, wait_ms: int) -> Replies:
        observer = self._cluster.observer
        left = max(deadline - time.monotonic(), 0.05)
        wait = self._durability.wait_commands(self._count_to_wait_for(node.address), min(wait_ms, int(left * 1000)))
        extra = len(wait) * (wait_ms - self._wait_ms) / 1000
        timeout = min(WRITE_TIMEOUT_S + extra + len(commands) * WRITE_TIMEOUT_PER_SCRIPT_S, left)
        replies = self._scripts.run(node, script, *commands, *wait, timeout=timeout, observer=observer)
        if replies[0][2] == SCHEMA_CHANGED:
            raise self._gate.refusal(replies[0][3])
        if wait:
            observer.waited(self._durability.acknowledgements(replies[len(commands) :]), replies.last_reply_s)
        return replies

    def _count_to_wait_for(self, primary: Address) -> int:
        following = max(self._cluster.topology.view.following, 1)
        return min(following, self._accepted_count.get(primary) or following)

    def _primaries(self, deadline: float) -> Iterator[Address]:
        """The primary, as often as it is to be asked until the deadline. After the first time the Sentinels are asked
        again, and while there is no primary it is waited for."""
        topology = self._cluster.topology
        primary = topology.view.primary
        if time.monotonic() >= deadline:
            # An instance that was frozen wakes up: others had the request since, and its record may be gone already.
            return
        if primary:
            yield primary
        for pause in _retry_pauses():
            if time.monotonic() + pause >= deadline:
                return
            time.sleep(pause)
            primary = topology.refresh().primary or topology.wait_for_primary(deadline)
            if time.monotonic() >= deadline:
                # As above: it may have been frozen between two attempts.
                return
            if primary:
                yield primary

    def _is_acknowledged(self, primary: Address, waited: Sequence[Any]) -> bool:
        if self._durability is Durability.MEMORY:
            return True
        count = self._durability.acknowledgements(waited)
        if count >= self._cluster.replicas:
            return True
        is_safe = count > 0 and self._safety.is_failover_safe(primary, count)
        self._accepted_count.record(primary, count if is_safe else 0)
        return is_safe


def _reply(call: WriteCall[Any], raw: Sequence[Any]) -> Reply:
    (_, _, *rates), origin, tag, *values = raw
    states = [RateState.read(rate) for rate in rates]
    for state in states:
        call.request.rate_limit.observe(state)
    return Reply(
        tag=tag,
        values=values,
        origin_request_id=origin,
        about=call.about,
        args=call.args,
        retry_after_s=max((state.reset_s for state in states), default=0.0),
    )


class _RecordedMeanwhile(Exception):
    """The request has a recorded outcome by now."""


def _retry_pauses() -> Iterator[float]:
    yield from RETRY_PAUSES_S
    while True:
        yield RETRY_PAUSES_S[-1]


def _result_or_error(call: WriteCall[T], reply: Reply) -> WriteResult[T] | Exception:
    try:
        return call.declaration.interpret(reply)
    except Exception as error:
        return error
