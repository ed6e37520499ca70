"""Rate limits: exact under concurrency, because the script that does the work counts it (lua/parts/rate_limit.lua)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

MICROSECONDS_PER_S = 1_000_000


@dataclass(frozen=True, slots=True)
class RateState:
    """A limit after a call: whether it was admitted, how many more are at once, and the seconds until the whole burst
    is there again. Where the call was refused, until one is admitted."""

    is_admitted: bool
    remaining: int
    reset_s: float

    @classmethod
    def read(cls, reply: Sequence[int]) -> "RateState":
        """The state that a script replied."""
        is_admitted, remaining, reset_us = reply
        return cls(bool(is_admitted), remaining, reset_us / MICROSECONDS_PER_S)


def _ignore(state: RateState) -> None:
    """Observe nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimit:
    """A limit that all calls with this key share: `burst` at once, and one each `interval_us` microseconds on average.
    `observe` gets the state after each call, a refused one too; it is called once for each run of a script."""

    key: str
    interval_us: int
    burst: int
    observe: Callable[[RateState], None] = field(default=_ignore, compare=False)


#: Admits every call, and stores nothing.
UNLIMITED = RateLimit(key="", interval_us=0, burst=0)
