"""For the tests of applications: a store in memory that keeps the engine's promises, and faults at the press of a
switch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any, TypeVar

from exactly_once.client import Address, Command, Node, Nodes, Replies
from exactly_once.credentials import Credentials
from exactly_once.errors import IdempotencyKeyReused, Indeterminate, NotExecuted, OutcomeErased, Refusal, Unavailable
from exactly_once.requests import WriteRequest, WriteResult

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class _Record:
    fingerprint: str
    outcome: WriteResult[Any] | Refusal | OutcomeErased
    subject: str
    refused_caller: str | None = None


@dataclass
class FakeStore:
    """Recorded outcomes in memory, for fakes of repositories. `unavailable` makes every call raise it, and do
    nothing."""

    unavailable: Unavailable | None = None
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
            IdempotencyKeyReused, OutcomeErased, and what `effect` raises.
        """
        with self.reading():
            record = self._records.get(request.idempotency_key)
            if record is None:
                record = self._records[request.idempotency_key] = self._carry_out(request, effect, subject)
                self._limit_refusals(request)
            elif record.fingerprint != request.fingerprint:
                raise IdempotencyKeyReused
        if isinstance(record.outcome, Exception):
            raise record.outcome.with_traceback(None)
        return record.outcome

    def erase_outcomes(self, subject: str) -> None:
        """Erase every recorded outcome that holds data of this subject."""
        for key, record in self._records.items():
            if record.subject == subject:
                self._records[key] = replace(record, outcome=OutcomeErased(subject))

    def _limit_refusals(self, request: WriteRequest) -> None:
        refusals = [key for key, record in self._records.items() if record.refused_caller == request.caller]
        for oldest in refusals[: max(len(refusals) - request.max_refusals, 0)]:
            del self._records[oldest]

    @staticmethod
    def _carry_out(request: WriteRequest, effect: Callable[[], T], subject: Callable[[T], str] | None) -> _Record:
        try:
            value = effect()
        except Refusal as refusal:
            refusal.origin_request_id = request.id
            return _Record(fingerprint=request.fingerprint, outcome=refusal, subject="", refused_caller=request.caller)
        result = WriteResult(value=value, origin_request_id=request.id)
        return _Record(fingerprint=request.fingerprint, outcome=result, subject=subject(value) if subject else "")


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

    def run(self, *commands: Command, timeout: float) -> Replies:
        is_write = commands[0][0] == "EVALSHA"
        if is_write and self._switches.take("lost_requests"):
            raise NotExecuted("The request was lost on purpose.")
        replies = super().run(*commands, timeout=timeout)
        if is_write and self._switches.take("lost_replies"):
            raise Indeterminate("The reply was lost on purpose.")
        return replies
