"""What makes a write happen once, and what came of it."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from exactly_once.journal import Journal
from exactly_once.rate_limits import UNLIMITED, RateLimit

T = TypeVar("T")

#: How long an outcome is remembered for repeats by proxies and clients that share a request id, in seconds.
DEFAULT_TTL_S = 600
#: How long a refusal is remembered at most, in seconds. lua/write.lua has the same figure.
REFUSAL_TTL_S = 600
#: How many refusals of one caller are remembered, and of all requests without a caller. The oldest make room.
MAX_REFUSALS, MAX_ANONYMOUS_REFUSALS = 100, 10_000


class Attributed:
    """An outcome that knows which request brought it about."""

    origin_request_id: str

    def is_replay_for(self, request_id: str) -> bool:
        """Whether another request than this one brought the outcome about."""
        return bool(self.origin_request_id) and self.origin_request_id != request_id


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteRequest:
    """One write, as its caller identifies it.

    Repeats share the `idempotency_key`, under which the outcome is recorded for `ttl_s` seconds; each try has an `id`
    of its own or shares it. `fingerprint` tells apart different requests under one key. `deadline` is the instant, on
    the clock of time.monotonic(), at which the engine gives up. `may_be_retry` says that another process may have
    received the request before, and may still be working on it. `caller` names who makes it, empty where that is not
    known: each may have MAX_REFUSALS remembered. `rate_limit` is charged by a write that has no recorded outcome.
    `caller_fingerprint` tells apart the callers: under the key of another one's request, nothing is answered but that
    the key is taken; empty where only its holder knows the key. `journal` makes the entry that records the write; with
    None there is no entry.
    """

    id: str
    idempotency_key: str
    fingerprint: str
    ttl_s: int
    deadline: float
    may_be_retry: bool = False
    caller: str = ""
    rate_limit: RateLimit = UNLIMITED
    caller_fingerprint: str = ""
    journal: Journal | None = field(default=None, compare=False)

    @property
    def max_refusals(self) -> int:
        """How many refusals are remembered of this caller."""
        return MAX_REFUSALS if self.caller else MAX_ANONYMOUS_REFUSALS

    @classmethod
    def unique(cls, timeout_s: float, ttl_s: int = DEFAULT_TTL_S) -> "WriteRequest":
        """A request like no other, which only its holder can repeat."""
        id = secrets.token_hex(16)
        return cls(id=id, idempotency_key=id, fingerprint=id, ttl_s=ttl_s, deadline=time.monotonic() + timeout_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteResult(Attributed, Generic[T]):
    """The outcome of a write, and the id of the request that brought it about: another's, where this one repeats it."""

    value: T
    origin_request_id: str
