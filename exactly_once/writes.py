"""Writes: exactly once, and acknowledged only when no single fault can take them back.

A write is sent with the idempotency key of its request, so that it may be sent again (delivery.py).
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from exactly_once.bulkhead import Bulkhead
from exactly_once.client import Command
from exactly_once.declarations import Reply, VersionConflict, WriteCall, WriteDeclaration
from exactly_once.delivery import Delivery, Errand
from exactly_once.errors import OutcomeUnknown, StoreUnavailable
from exactly_once.namespace import Namespace
from exactly_once.rate_limits import RateState
from exactly_once.reads import Consistency, Reader
from exactly_once.requests import WriteRequest, WriteResult
from exactly_once.revision import Revision, RevisionWatermark
from exactly_once.schema import SchemaGate
from exactly_once.scripts import Script, Scripts

T = TypeVar("T")

#: How often an optimistic write is made anew. Each time another writer got through, so as many have succeeded
#: meanwhile.
MAX_OPTIMISTIC_ATTEMPTS = 200

_REPLAY: WriteDeclaration[Any] = WriteDeclaration(script="request_replay", keys=(), args=(), replies={})


class Writer:
    """Runs the scripts that write."""

    def __init__(
        self,
        *,
        reader: Reader,
        scripts: Scripts,
        namespace: Namespace,
        watermark: RevisionWatermark,
        bulkhead: Bulkhead,
        gate: SchemaGate,
        delivery: Delivery,
    ) -> None:
        self._reader = reader
        self._scripts = scripts
        self._namespace = namespace
        self._watermark = watermark
        self._bulkhead = bulkhead
        self._gate = gate
        self._delivery = delivery

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
        errand = Errand(
            script=script,
            commands=lambda epoch: [self._command(script, call, epoch) for call in calls],
            count=len(calls),
            deadline=calls[0].request.deadline,
        )
        try:
            with self._bulkhead.admitted():
                replies = self._delivery.deliver(errand)
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
        """The command that runs the script, as WRITE_KEYS and WRITE_ARGV say."""
        request, limit, namespace, entry = call.request, call.request.rate_limit, self._namespace, call.journal_entry()
        return script.write_command(
            call,
            (
                namespace.request(request.idempotency_key),
                namespace.revision,
                namespace.epoch,
                namespace.schema,
                namespace.refusals(request.caller),
                namespace.rate(limit.key),
            ),
            (
                request.fingerprint,
                request.caller_fingerprint,
                request.id,
                request.ttl_s,
                request.max_refusals,
                namespace.outcomes_prefix,
                self._gate.version,
                primary_epoch,
                limit.interval_us,
                limit.burst,
                namespace.journal,
                entry.text,
                entry.seal,
                namespace.events,
            ),
        )


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


def _result_or_error(call: WriteCall[T], reply: Reply) -> WriteResult[T] | Exception:
    try:
        return call.declaration.interpret(reply)
    except Exception as error:
        return error
