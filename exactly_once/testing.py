"""For the tests of applications: a store in memory that keeps the engine's promises, and faults at the press of a
switch."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from operator import le
from threading import RLock
from typing import Any, TypeVar

from exactly_once.admissions import settle
from exactly_once.client import Address, Command, Node, Nodes, Replies
from exactly_once.credentials import Credentials
from exactly_once.errors import (
    IdempotencyKeyReused,
    Indeterminate,
    NotExecuted,
    OutcomeErased,
    Refusal,
    Unavailable,
)
from exactly_once.rate_limits import MICROSECONDS_PER_S, RateLimit
from exactly_once.requests import REFUSAL_TTL_S, WriteRequest, WriteResult

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class _Record:
    fingerprint: str
    caller_fingerprint: str
    outcome: WriteResult[Any] | Refusal | OutcomeErased
    subject: str
    ttl_s: int
    refused_caller: str | None = None

    def is_of(self, request: WriteRequest) -> bool:
        """Whether the request is the recorded one, of the same caller."""
        recorded = self.fingerprint, self.caller_fingerprint
        return recorded == (request.fingerprint, request.caller_fingerprint)


@dataclass
class FakeStore:
    """Recorded outcomes in memory, for fakes of repositories. `unavailable` makes every call raise it, and do
    nothing."""

    unavailable: Unavailable | None = None
    seconds: Callable[[], float] = time.time
    _rates: dict[str, int] = field(default_factory=dict)
    _records: dict[str, _Record] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Nothing changes while the block runs.

        Raises:
            What `unavailable` is.
        """
        with self._lock:
            if self.unavailable:
                raise self.unavailable
            yield

    def once(
        self, request: WriteRequest, effect: Callable[[], T], subject: Callable[[T], str] | None = None
    ) -> WriteResult[T]:
        """What `effect` comes to, or what it came to under this idempotency key before. A value and a Refusal are
        recorded; anything else that it raises is not, and a repeat tries again. `subject` names whose data a value
        holds.

        Raises:
            IdempotencyKeyReused, RateLimited, OutcomeErased, and what `effect` raises.
        """
        with self.reading():
            record = self._records.get(request.idempotency_key)
            if record is None:
                self.admit([request.rate_limit])
                record = self._records[request.idempotency_key] = self._carry_out(request, effect, subject)
                self._limit_refusals(request)
            elif not record.is_of(request):
                raise IdempotencyKeyReused
        if isinstance(record.outcome, Exception):
            raise record.outcome.with_traceback(None)
        return record.outcome

    def recorded_keys(self, beginning: str) -> Sequence[str]:
        """The idempotency keys that begin so, of requests whose outcomes are recorded."""
        return [key for key in self._records if key.startswith(beginning)]

    def drop_records(self, idempotency_keys: Sequence[str]) -> None:
        """Forget what these requests came to, as a script does that drops their records."""
        for key in idempotency_keys:
            self._records.pop(key, None)

    def admit(self, limits: Sequence[RateLimit], idempotency_key: str = "") -> None:
        """Count a call against all of these limits, or none of them, as `Store.admit` does.

        Raises:
            RateLimited, and what `unavailable` is.
        """
        with self.reading():
            if idempotency_key not in self._records:
                counted = [limit for limit in limits if limit.interval_us]
                settle(counted, self._charged(counted))

    def _charged(self, limits: Sequence[RateLimit]) -> Sequence[Sequence[int]]:
        now = int(self.seconds() * MICROSECONDS_PER_S)
        due = [_due_at(self._rates.get(limit.key, 0), now, limit) for limit in limits]
        latest = [now + limit.interval_us * limit.burst for limit in limits]
        if all(map(le, due, latest)):
            self._rates.update({limit.key: at for limit, at in zip(limits, due, strict=True)})
        return [
            (1, (last - at) // limit.interval_us, at - now) if at <= last else (0, 0, at - last)
            for limit, at, last in zip(limits, due, latest, strict=True)
        ]

    def erase_outcomes(self, subject: str) -> None:
        """Erase every recorded outcome that holds data of this subject."""
        for key, record in self._records.items():
            if record.subject == subject:
                self._records[key] = replace(record, outcome=OutcomeErased(subject))

    def outcomes_of(self, subject: str) -> list[tuple[str, int]]:
        """Of each recorded outcome that holds data of this subject, the request that brought it about, and for how many
        seconds it is recorded."""
        with self.reading():
            records = [record for record in self._records.values() if record.subject == subject]
            results = [(record.outcome, record.ttl_s) for record in records]
            return [(each.origin_request_id, ttl_s) for each, ttl_s in results if isinstance(each, WriteResult)]

    def _limit_refusals(self, request: WriteRequest) -> None:
        refusals = [key for key, record in self._records.items() if record.refused_caller == request.caller]
        for oldest in refusals[: max(len(refusals) - request.max_refusals, 0)]:
            del self._records[oldest]

    @staticmethod
    def _carry_out(request: WriteRequest, effect: Callable[[], T], subject: Callable[[T], str] | None) -> _Record:
        recorded = partial(_Record, fingerprint=request.fingerprint, caller_fingerprint=request.caller_fingerprint)
        try:
            value = effect()
        except Refusal as refusal:
            refusal.origin_request_id = request.id
            ttl_s = min(request.ttl_s, REFUSAL_TTL_S)
            return recorded(outcome=refusal, subject="", ttl_s=ttl_s, refused_caller=request.caller)
        result = WriteResult(value=value, origin_request_id=request.id)
        return recorded(outcome=result, subject=subject(value) if subject else "", ttl_s=request.ttl_s)


def _due_at(stored: int, now: int, limit: RateLimit) -> int:
    """As lua/parts/rate_limit.lua has it."""
    return min(max(stored, now), now + limit.interval_us * limit.burst) + limit.interval_us


class FaultyNodes(Nodes):
    """The nodes of a cluster, with switches for faults of the connection. Pass one to `Cluster(nodes=...)`."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        super().__init__(credentials=credentials)
        self.lost_requests = 0
        self.lost_replies = 0
        self._lock = RLock()

    def __getitem__(self, address: Address) -> Node:
        node = self._nodes.get(address)
        return node or self._nodes.setdefault(address, _FaultyNode(address, self))

    def lose_requests(self, count: int) -> None:
        """Lose the next `count` writes before they reach a server: they raise NotExecuted."""
        self.lost_requests = count

    def lose_replies(self, count: int) -> None:
        """Lose the replies to the next `count` writes after a server has executed them: they raise Indeterminate."""
        self.lost_replies = count

    def take(self, counter: str) -> bool:
        """Whether the fault that this attribute counts happens now; counts it down."""
        with self._lock:
            left: int = getattr(self, counter)
            setattr(self, counter, max(left - 1, 0))
            return left > 0


class _FaultyNode(Node):
    def __init__(self, address: Address, switches: FaultyNodes) -> None:
        super().__init__(address, credentials=switches.credentials)
        self._switches = switches

    def replies(self, *commands: Command, timeout: float) -> Replies:
        is_write = commands[0][0] == "EVALSHA"
        if is_write and self._switches.take("lost_requests"):
            raise NotExecuted("The request was lost on purpose.")
        replies = super().replies(*commands, timeout=timeout)
        if is_write and self._switches.take("lost_replies"):
            raise Indeterminate("The reply was lost on purpose.")
        return replies
