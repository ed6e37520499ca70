"""Planned failovers of the embedded topology, as an operator makes them."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from agents import planned_failover
from devstack.layout import Layout
from exactly_once.client import run_once
from exactly_once.sentinels import read_consensus

#: Tries of a planned failover.
MAX_MOVES = 3
FAILOVER_TIMEOUT_S, POLL_S = 60.0, 0.5


def move_primary(layout: Layout) -> None:
    """Try again where the Sentinels of a busy machine chose no replica in time."""
    sentinels, name = list(layout.sentinels.values()), layout.settings.primary_name
    for _ in range(MAX_MOVES - 1):
        with contextlib.suppress(planned_failover.FailoverFailed):
            planned_failover.move_primary(sentinels, name, layout.operator)
            return
        _wait_for_failover(layout)
    planned_failover.move_primary(sentinels, name, layout.operator)


def move_to(layout: Layout, name: str, primary: str) -> None:
    """A planned failover from this primary to this node."""
    with _not_electable(layout, set(layout.redis) - {name, primary}):
        move_primary(layout)


@contextmanager
def _not_electable(layout: Layout, names: Iterable[str]) -> Iterator[None]:
    """Keep the Sentinels from electing these nodes while the block runs: they offer no other choice."""
    for name in names:
        _set_priority(layout, name, "0")
    yield
    for name in names:
        _set_priority(layout, name, "100")


def _set_priority(layout: Layout, name: str, priority: str) -> None:
    commands = ("CONFIG", "SET", "replica-priority", priority), ("CONFIG", "REWRITE")
    # Into its file too, which a failover writes anew.
    run_once(layout.redis[name], *commands, credentials=layout.operator)


def _wait_for_failover(layout: Layout) -> None:
    """Return when no failover goes on: while one does, the Sentinels refuse another."""
    end = time.monotonic() + FAILOVER_TIMEOUT_S
    sentinels, name = list(layout.sentinels.values()), layout.settings.primary_name
    while read_consensus(sentinels, name, layout.operator).is_failing_over and time.monotonic() < end:
        time.sleep(POLL_S)
