"""A primary killed while customers buy, and what it cost them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from devstack import lifecycle
from devstack.demo.buyers import Record
from devstack.temporary import RunningStack

T = TypeVar("T")

TIMEOUT_S = 90.0
POLL_S = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Failover:
    """A failover, from the kill until every node did its part again; `whole_s` is None where that did not come."""

    killed: str
    successor: str
    successor_s: float
    whole_s: float | None
    records: Sequence[Record]

    @property
    def purchases(self) -> list[Record]:
        return [record for record in self.records if record.is_purchase]

    @property
    def failed(self) -> int:
        return sum(record.is_failed for record in self.records)

    @property
    def slowest_s(self) -> float:
        """The longest that a purchase took."""
        return max((record.ended - record.began for record in self.purchases), default=0.0)

    def describe(self) -> str:
        """One line: what was killed, which node took over, and what it cost."""
        whole = f"all three serve after {self.whole_s:.1f} s" if self.whole_s else f"not whole after {TIMEOUT_S:.0f} s"
        return (
            f"{self.killed} killed: {self.successor} is primary after {self.successor_s:.1f} s, {whole}; "
            f"{len(self.purchases)} purchases, the slowest {self.slowest_s:.1f} s; "
            f"{self.failed} of {len(self.records)} requests failed"
        )


def fail_over(stack: RunningStack, since: Callable[[float], list[Record]], is_stopped: Callable[[], bool]) -> Failover:
    """Kill the primary, and return what came of it. `since` returns what has ended since an instant. Raises
    NotRunning."""
    killed = _wait(lambda: stack.primary, is_stopped) or next(iter(stack.layout.redis))
    began = time.monotonic()
    lifecycle.kill(stack.layout, killed)
    successor = _wait(lambda: _successor(stack, killed), is_stopped) or "no node"
    successor_s = time.monotonic() - began
    is_whole = _wait(lambda: lifecycle.is_whole(stack.layout), is_stopped)
    whole_s = time.monotonic() - began if is_whole else None
    return Failover(killed=killed, successor=successor, successor_s=successor_s, whole_s=whole_s, records=since(began))


def _successor(stack: RunningStack, killed: str) -> str | None:
    """The node that is primary now: another one, or the killed one where everything is as it was."""
    primary = stack.primary
    return primary if primary != killed or lifecycle.is_whole(stack.layout) else None


def _wait(found: Callable[[], T | None], is_stopped: Callable[[], bool]) -> T | None:
    end = time.monotonic() + TIMEOUT_S
    while not (result := found()) and time.monotonic() < end and not is_stopped():
        time.sleep(POLL_S)
    return result
