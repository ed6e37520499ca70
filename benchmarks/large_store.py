"""What failovers cost a large store: the slowest purchase, the time until it is whole, and the copies that it takes.

    python -m benchmarks.large_store [--products 100000] [--seeded 100000] [--kills 5] [--rate 80]

fills the store with so many products, puts the shop under load through nginx and kills the primary again and again:
restarted at once and restarted after the failover, in turn. Of the products, so many at most are seeded; the others are
copies (benchmarks/multiplied.py). The new primary's INFO says how each other node continued: by a part of the
replication stream, or by a copy of everything. A failover without a killed primary counts as unrequested.
"""

import argparse
import contextlib
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import django
from rich.console import Console
from rich.table import Table

from benchmarks.multiplied import multiply
from chaos.embedded import EmbeddedTarget, start
from chaos.history import CallKind, History
from chaos.load import Load
from chaos.mix import Mix
from devstack import credentials, lifecycle
from devstack.settings import ROOT
from exactly_once.client import Node, run_once
from exactly_once.replies import parse_info
from shop.repositories.keys import Keys

NETWORK = "127.28"
#: A million products take more than the default.
MAXMEMORY = "8gb"
SETTLE_S, LATE_S = 5.0, 6.0
WHOLE_TIMEOUT_S, INFO_TIMEOUT_S = 600.0, 10.0
FAILED_OVER = re.compile(r"\+switch-master ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Syncs:
    """How often a node was asked to continue a replication stream, and how it did so."""

    full: int
    partial: int
    refused: int

    def since(self, earlier: "Syncs") -> "Syncs":
        """The difference."""
        return Syncs(
            full=self.full - earlier.full,
            partial=self.partial - earlier.partial,
            refused=self.refused - earlier.refused,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Kill:
    """One primary that was killed. `at` and `whole_at` are in seconds of the load; `syncs` are those that the new
    primary granted; `fork_ms` is how long its last fork blocked it."""

    restarted: str
    at: float
    whole_at: float
    syncs: Syncs
    fork_ms: float
    load_average: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Seeding:
    """How a store was filled: so many products were seeded in so many seconds."""

    products: int
    seconds: float
    failovers: int
    full_syncs: int
    load_average: float


def fill(target: EmbeddedTarget, products: int, max_seeded: int) -> tuple[Seeding, int]:
    """Fill the store with about so many products. Returns how it was seeded, and how many products it has."""
    factor = math.ceil(products / max_seeded)
    seeding = seed(target, products // factor)
    primary = Node(target.layout.redis[target.primary], credentials=target.operator)
    with contextlib.closing(primary):
        return seeding, multiply(primary, Keys(target.layout.settings.store), factor)


def seed(target: EmbeddedTarget, products: int) -> Seeding:
    """Seed so many products, in a process of its own as an operator does."""
    syncs, failovers, began = read_syncs(target, target.primary), count_failovers(target), time.monotonic()
    subprocess.run(seed_command(products), cwd=ROOT, env=seed_environment(target), check=True)
    return Seeding(
        products=products,
        seconds=time.monotonic() - began,
        failovers=count_failovers(target) - failovers,
        full_syncs=read_syncs(target, target.primary).since(syncs).full,
        load_average=os.getloadavg()[0],
    )


def seed_command(products: int) -> list[str]:
    """What an operator types to seed so many products."""
    return [sys.executable, "manage.py", "seed", "--users", "100", "--purchases", "0", "--products", str(products)]


def seed_environment(target: EmbeddedTarget) -> dict[str, str]:
    """The environment in which that command finds this topology."""
    return {**os.environ, **credentials.environment(target.layout), "EVERGREEN_RUN": str(target.layout.run)}


def count_failovers(target: EmbeddedTarget) -> int:
    """How many failovers the Sentinels have logged; each logs every one of them."""
    return max(len(FAILED_OVER.findall(target.layout.log(name).read_text())) for name in target.layout.sentinels)


def read_info(target: EmbeddedTarget, name: str, section: str) -> dict[str, str]:
    """This section of the INFO of a data node."""
    (text,) = run_once(target.layout.redis[name], ("INFO", section), credentials=target.operator)
    return parse_info(text)


def read_syncs(target: EmbeddedTarget, name: str) -> Syncs:
    """The synchronisations that a data node has granted."""
    stats = read_info(target, name, "stats")
    return Syncs(
        full=int(stats["sync_full"]),
        partial=int(stats["sync_partial_ok"]),
        refused=int(stats["sync_partial_err"]),
    )


def kill_primary(target: EmbeddedTarget, load: Load, *, is_late: bool) -> Kill:
    """Kill the primary, and return when every node is in its role again and can be elected."""
    former = target.primary
    before = {name: read_syncs(target, name) for name in target.replicas}
    at, load_average = load.now, os.getloadavg()[0]
    if is_late:
        target.take_away(former)
        time.sleep(LATE_S)
        target.bring_back(former)
    else:
        target.kill(former)
    _wait_until_whole(target, former, load, at)
    primary = target.primary
    return Kill(
        restarted="late" if is_late else "at once",
        at=at,
        whole_at=load.now,
        syncs=read_syncs(target, primary).since(before[primary]),
        fork_ms=int(read_info(target, primary, "stats")["latest_fork_usec"]) / 1000,
        load_average=load_average,
    )


def _wait_until_whole(target: EmbeddedTarget, former: str, load: Load, at: float) -> None:
    # The topology looks whole until the Sentinels have seen what happened.
    while load.now - at < WHOLE_TIMEOUT_S and target.primary == former:
        time.sleep(lifecycle.POLL_S)
    lifecycle.wait_until_whole(target.layout, target.supervisor, timeout_s=WHOLE_TIMEOUT_S)


def measure(target: EmbeddedTarget, kills: int, rate: float) -> tuple[list[Kill], History, int]:
    """Kill the primary so often under load. Returns also how many failovers no kill accounts for."""
    load = Load(target.url, Mix(target.set_up()), rate)
    failovers = count_failovers(target)
    load.start()
    try:
        time.sleep(2 * SETTLE_S)
        done = []
        for number in range(kills):
            done.append(kill_primary(target, load, is_late=number % 2 == 1))
            time.sleep(SETTLE_S)
    finally:
        history = load.stop()
    return done, history, count_failovers(target) - failovers - kills


def table(kills: Sequence[Kill], history: History) -> Table:
    """A row for each kill."""
    columns = ("restarted", "slowest purchase, s", "slowest read, s", "whole after, s", "partial", "full", "refused")
    rows = Table("kill", *columns, "fork, ms", "load average")
    for number, kill in enumerate(kills, start=1):
        calls = [call for call in history.calls if kill.at <= call.due < kill.whole_at + SETTLE_S]
        purchases = [call.seconds for call in calls if call.kind is CallKind.PURCHASE]
        reads = [call.seconds for call in calls if call.kind.is_read]
        rows.add_row(
            str(number),
            kill.restarted,
            f"{max(purchases, default=0):.2f}",
            f"{max(reads, default=0):.2f}",
            f"{kill.whole_at - kill.at:.1f}",
            *map(str, (kill.syncs.partial, kill.syncs.full, kill.syncs.refused)),
            f"{kill.fork_ms:.0f}",
            f"{kill.load_average:.1f}",
        )
    return rows


def main() -> None:
    arguments = _arguments()
    django.setup()
    console = Console(width=140)
    with start(NETWORK, maxmemory=MAXMEMORY) as target:
        seeding, products = fill(target, arguments.products, arguments.seeded)
        console.print(_seeded(seeding))
        memory = read_info(target, target.primary, "memory")
        used, resident = memory["used_memory_human"], memory["used_memory_rss_human"]
        console.print(f"{products:,} products in the store: {used} of data, {resident} of memory in the primary")
        kills, history, unrequested = measure(target, arguments.kills, arguments.rate)
    console.print(table(kills, history))
    failed = sum(not call.is_acknowledged for call in history.calls)
    console.print(f"{len(history.calls):,} requests, {failed} failed; {unrequested} unrequested failovers")


def _seeded(seeding: Seeding) -> str:
    return (
        f"{seeding.products:,} products seeded in {seeding.seconds:.0f} s, {seeding.products / seeding.seconds:,.0f} a "
        f"second; {seeding.failovers} failovers and {seeding.full_syncs} full copies meanwhile; load average "
        f"{seeding.load_average:.1f}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures failovers of a large store.")
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--seeded", type=int, default=100_000, help="the most that are seeded; the others are copies")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--rate", type=float, default=80, help="requests a second")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
