"""What a fault is, and the steps that most injections are made of."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from chaos.target import FaultInjector

INSTANCES = ("api-1", "api-2")
WORKERS = ("worker-1", "worker-2")
NGINX, SUPERVISOR = "nginx", "supervisor"
#: In which a failover is over, and in which a frozen replica misses writes.
FAILOVER_S, MOMENT_S = 3.0, 1.0
#: Limit of a write where the store can take writes, or can after one failover.
LONGEST_WRITE_S = 4.0

#: Injects a fault of so many seconds, as far as it has a length.
Inject = Callable[[FaultInjector, float], None]


class Tolerance(Enum):
    """What clients may see: no failure at all; writes refused with 503 where the store cannot take them; or no
    response, where everything was stopped."""

    NOTHING = "nothing fails"
    REFUSED_WRITES = "writes may be refused"
    OUTAGE = "everything was stopped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """`inject` does it and returns after it is over, as far as it ends by itself; None where nothing is done. A write
    takes `longest_write` seconds at most; None where it may wait until its deadline. `is_root` where it takes a packet
    filter or a file system of its own.

    `prepare` comes before each injection, and may stop everything: only nothing acknowledged may be lost meanwhile.
    `is_repaired_by_restart` where everything is stopped and started after it, which is judged in the same way.

    With a `max_slowdown`, the p99 of purchases is at most so many times that of the `quiet_s` seconds before."""

    name: str
    what: str
    inject: Inject | None
    tolerance: Tolerance = Tolerance.NOTHING
    longest_write: float | None = LONGEST_WRITE_S
    is_root: bool = False
    prepare: Callable[[FaultInjector], None] | None = None
    is_repaired_by_restart: bool = False
    max_slowdown: float | None = None
    quiet_s: float = 0.0


def take_away(target: FaultInjector, seconds: float, *names: str) -> None:
    """Kill these, and start them again after so many seconds."""
    target.take_away(*names)
    time.sleep(seconds)
    target.bring_back(*names)


def freeze(target: FaultInjector, seconds: float, *names: str) -> None:
    """Suspend these for so many seconds."""
    target.freeze(*names)
    time.sleep(seconds)
    target.wake(*names)


def cut(target: FaultInjector, seconds: float, one_side: Sequence[str], other_side: Sequence[str]) -> None:
    """Drop every packet between the two sides for so many seconds."""
    with target.cut(one_side, other_side):
        time.sleep(seconds)


@contextmanager
def everything_away(target: FaultInjector) -> Iterator[None]:
    """Kill everything, in any order, before the block; start everything, in any order, after it."""
    names = [*target.data_nodes, *target.sentinels, *INSTANCES, NGINX]
    for name in random.sample(names, len(names)):
        target.take_away(name)
    yield
    for name in random.sample(names, len(names)):
        target.bring_back(name)


def refusing(
    name: str,
    what: str,
    inject: Inject,
    *,
    is_root: bool = False,
    prepare: Callable[[FaultInjector], None] | None = None,
) -> Fault:
    """A fault during which the store cannot take writes: they may wait until their deadline, and be refused."""
    tolerance = Tolerance.REFUSED_WRITES
    return Fault(
        name=name,
        what=what,
        inject=inject,
        tolerance=tolerance,
        longest_write=None,
        is_root=is_root,
        prepare=prepare,
    )


def stopping(name: str, what: str, inject: Inject) -> Fault:
    """A fault that stops everything: only nothing acknowledged may be lost."""
    return Fault(name=name, what=what, inject=inject, tolerance=Tolerance.OUTAGE, longest_write=None)
